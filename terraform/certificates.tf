# Certificates of the names that devices and apps know: one for MQTT and one for the API
# in each Region. AWS IoT Core takes RSA-2048 with at most four names, and binds a domain
# configuration to its certificate for good.

locals {
  is_native = var.certificates == "native" && var.certificate_arns == null

  served = {
    active = {
      mqtt = ["iot.${var.domain}", "iot-a.${var.domain}"]
      api  = ["api.${var.domain}", "api-a.${var.domain}"]
    }
    standby = {
      mqtt = ["iot.${var.domain}", "iot-b.${var.domain}"]
      api  = ["api.${var.domain}", "api-b.${var.domain}"]
    }
  }

  # One record proves a name for both Regions ("DNS validation", ACM user guide).
  challenges = {
    for option in flatten([
      for made in concat(values(aws_acm_certificate.active), values(aws_acm_certificate.standby)) :
      tolist(made.domain_validation_options)
    ]) : option.domain_name => option...
  }

  # Empty where the templates make them.
  certificate_arns = var.certificate_arns != null ? var.certificate_arns : {
    active = {
      mqtt = local.is_native ? aws_acm_certificate_validation.active["mqtt"].certificate_arn : ""
      api  = local.is_native ? aws_acm_certificate_validation.active["api"].certificate_arn : ""
    }
    standby = {
      mqtt = local.is_native ? aws_acm_certificate_validation.standby["mqtt"].certificate_arn : ""
      api  = local.is_native ? aws_acm_certificate_validation.standby["api"].certificate_arn : ""
    }
  }
}

resource "aws_acm_certificate" "active" {
  provider = aws.active
  for_each = local.is_native ? local.served.active : {}

  domain_name               = each.value[0]
  subject_alternative_names = slice(each.value, 1, length(each.value))
  key_algorithm             = "RSA_2048"
  validation_method         = "DNS"
  tags                      = var.tags

  # What is in use cannot be deleted.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "standby" {
  provider = aws.standby
  for_each = local.is_native ? local.served.standby : {}

  domain_name               = each.value[0]
  subject_alternative_names = slice(each.value, 1, length(each.value))
  key_algorithm             = "RSA_2048"
  validation_method         = "DNS"
  tags                      = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  provider = aws.active
  for_each = local.is_native ? toset(flatten([for names in values(local.served) : values(names)])) : toset([])

  zone_id = local.zone_id
  name    = local.challenges[each.value][0].resource_record_name
  type    = local.challenges[each.value][0].resource_record_type
  records = [local.challenges[each.value][0].resource_record_value]
  ttl     = 300

  # A template that made a certificate for the name in this account left the same one.
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "active" {
  provider = aws.active
  for_each = aws_acm_certificate.active

  certificate_arn         = each.value.arn
  validation_record_fqdns = [for name in local.served.active[each.key] : aws_route53_record.validation[name].fqdn]
}

resource "aws_acm_certificate_validation" "standby" {
  provider = aws.standby
  for_each = aws_acm_certificate.standby

  certificate_arn         = each.value.arn
  validation_record_fqdns = [for name in local.served.standby[each.key] : aws_route53_record.validation[name].fqdn]
}
