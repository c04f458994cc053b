output "hosted_zone_id" {
  description = "Hosted zone of the domain."
  value       = local.zone_id
}

output "name_servers" {
  description = "What the zone above the domain must delegate to, if this module made the hosted zone; else empty."
  value       = var.hosted_zone_id == null ? aws_route53_zone.this[0].name_servers : []
}

output "iot_endpoints" {
  description = "MQTT names that devices hold: the one that moves, then each site's own."
  value       = ["iot.${var.domain}", "iot-a.${var.domain}", "iot-b.${var.domain}"]
}

output "api_endpoint" {
  description = "Name of the onboarding API."
  value       = "api.${var.domain}"
}

output "certificate_arns" {
  description = "Certificates that the sites serve, of each Region; empty where the templates made them."
  value       = local.certificate_arns
}

output "alarm_topics" {
  description = "SNS topic of each site's alarms."
  value = {
    active  = aws_cloudformation_stack.replication_a.outputs["AlarmTopic"]
    standby = aws_cloudformation_stack.replication_b.outputs["AlarmTopic"]
  }
}

output "key_id" {
  description = "The multi-Region key that everything is encrypted with."
  value       = aws_cloudformation_stack.key_a.outputs["KeyId"]
}
