# One resource a stack, in the order of stacks.json. Written out, because a provider
# cannot be chosen by an expression.

resource "aws_cloudformation_stack" "key_a" {
  provider = aws.active

  name          = "hotsite-key-${var.active_region}"
  template_body = file("${local.release}/templates/key-a.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in local.common :
    name => value if contains(local.declared["key-a"], name)
  }
}

resource "aws_cloudformation_stack" "key_b" {
  provider = aws.standby

  name          = "hotsite-key-${var.standby_region}"
  template_body = file("${local.release}/templates/key-b.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      KeyId = aws_cloudformation_stack.key_a.outputs["KeyId"]
    }) :
    name => value if contains(local.declared["key-b"], name)
  }
}

resource "aws_cloudformation_stack" "data" {
  provider = aws.active

  name          = "hotsite-data"
  template_body = file("${local.release}/templates/data.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      KeyId = aws_cloudformation_stack.key_a.outputs["KeyId"]
    }) :
    name => value if contains(local.declared["data"], name)
  }

  depends_on = [aws_cloudformation_stack.key_b]
}

resource "aws_cloudformation_stack" "cold_a" {
  provider = aws.active

  name          = "hotsite-cold-${var.active_region}"
  template_body = file("${local.release}/templates/cold-a.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      KeyId = aws_cloudformation_stack.key_a.outputs["KeyId"]
    }) :
    name => value if contains(local.declared["cold-a"], name)
  }
}

resource "aws_cloudformation_stack" "cold_b" {
  provider = aws.standby

  name          = "hotsite-cold-${var.standby_region}"
  template_body = file("${local.release}/templates/cold-b.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      KeyId = aws_cloudformation_stack.key_a.outputs["KeyId"]
    }) :
    name => value if contains(local.declared["cold-b"], name)
  }

  depends_on = [aws_cloudformation_stack.key_b]
}

resource "aws_cloudformation_stack" "site_a" {
  provider = aws.active

  name          = "hotsite-site-${var.active_region}"
  template_body = file("${local.release}/templates/site-a.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      AssetBucket        = aws_s3_bucket.code_active.id
      MqttCertificateArn = local.certificate_arns.active.mqtt
      ApiCertificateArn  = local.certificate_arns.active.api
    }) :
    name => value if contains(local.declared["site-a"], name)
  }

  lifecycle {
    precondition {
      condition     = var.certificate_arns == null ? true : alltrue([for arn in values(var.certificate_arns.active) : split(":", arn)[3] == var.active_region])
      error_message = "certificate_arns.active must be in ${var.active_region}: a certificate serves in its own Region only."
    }
  }

  depends_on = [aws_cloudformation_stack.data, aws_s3_object.code_active]
}

resource "aws_cloudformation_stack" "site_b" {
  provider = aws.standby

  name          = "hotsite-site-${var.standby_region}"
  template_body = file("${local.release}/templates/site-b.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      AssetBucket        = aws_s3_bucket.code_standby.id
      MqttCertificateArn = local.certificate_arns.standby.mqtt
      ApiCertificateArn  = local.certificate_arns.standby.api
    }) :
    name => value if contains(local.declared["site-b"], name)
  }

  lifecycle {
    precondition {
      condition     = var.certificate_arns == null ? true : alltrue([for arn in values(var.certificate_arns.standby) : split(":", arn)[3] == var.standby_region])
      error_message = "certificate_arns.standby must be in ${var.standby_region}: a certificate serves in its own Region only."
    }
  }

  depends_on = [aws_cloudformation_stack.data, aws_s3_object.code_standby]
}

resource "aws_cloudformation_stack" "replication_a" {
  provider = aws.active

  name          = "hotsite-replication-${var.active_region}"
  template_body = file("${local.release}/templates/replication-a.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      AssetBucket       = aws_s3_bucket.code_active.id
      RegistryStreamArn = aws_cloudformation_stack.site_a.outputs["RegistryStreamArn"]
    }) :
    name => value if contains(local.declared["replication-a"], name)
  }

  depends_on = [aws_s3_object.code_active]
}

resource "aws_cloudformation_stack" "replication_b" {
  provider = aws.standby

  name          = "hotsite-replication-${var.standby_region}"
  template_body = file("${local.release}/templates/replication-b.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      AssetBucket       = aws_s3_bucket.code_standby.id
      RegistryStreamArn = aws_cloudformation_stack.site_b.outputs["RegistryStreamArn"]
    }) :
    name => value if contains(local.declared["replication-b"], name)
  }

  depends_on = [aws_s3_object.code_standby]
}

resource "aws_cloudformation_stack" "copies_a" {
  provider = aws.active

  name          = "hotsite-copies-${var.active_region}"
  template_body = file("${local.release}/templates/copies-a.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      ColdBucket    = aws_cloudformation_stack.cold_a.outputs["ColdBucket"]
      ColdKeyArn    = aws_cloudformation_stack.cold_a.outputs["ColdKeyArn"]
      ReplicaBucket = aws_cloudformation_stack.cold_b.outputs["ColdBucket"]
      ReplicaKeyArn = aws_cloudformation_stack.cold_b.outputs["ColdKeyArn"]
    }) :
    name => value if contains(local.declared["copies-a"], name)
  }

  # Its custom resource is a function of the site's, which it knows by name alone.
  depends_on = [aws_cloudformation_stack.site_a]
}

resource "aws_cloudformation_stack" "copies_b" {
  provider = aws.standby

  name          = "hotsite-copies-${var.standby_region}"
  template_body = file("${local.release}/templates/copies-b.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      ColdBucket    = aws_cloudformation_stack.cold_b.outputs["ColdBucket"]
      ColdKeyArn    = aws_cloudformation_stack.cold_b.outputs["ColdKeyArn"]
      ReplicaBucket = aws_cloudformation_stack.cold_a.outputs["ColdBucket"]
      ReplicaKeyArn = aws_cloudformation_stack.cold_a.outputs["ColdKeyArn"]
    }) :
    name => value if contains(local.declared["copies-b"], name)
  }

  # Its custom resource is a function of the site's, which it knows by name alone.
  depends_on = [aws_cloudformation_stack.site_b]
}

resource "aws_cloudformation_stack" "telemetry_a" {
  provider = aws.active

  name          = "hotsite-telemetry-${var.active_region}"
  template_body = file("${local.release}/templates/telemetry-a.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      AssetBucket        = aws_s3_bucket.code_active.id
      TelemetryStreamArn = aws_cloudformation_stack.site_a.outputs["TelemetryStreamArn"]
    }) :
    name => value if contains(local.declared["telemetry-a"], name)
  }

  depends_on = [aws_cloudformation_stack.cold_a, aws_s3_object.code_active]
}

resource "aws_cloudformation_stack" "telemetry_b" {
  provider = aws.standby

  name          = "hotsite-telemetry-${var.standby_region}"
  template_body = file("${local.release}/templates/telemetry-b.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      AssetBucket        = aws_s3_bucket.code_standby.id
      TelemetryStreamArn = aws_cloudformation_stack.site_b.outputs["TelemetryStreamArn"]
    }) :
    name => value if contains(local.declared["telemetry-b"], name)
  }

  depends_on = [aws_cloudformation_stack.cold_b, aws_s3_object.code_standby]
}

resource "aws_cloudformation_stack" "firmware_a" {
  provider = aws.active

  name          = "hotsite-firmware-${var.active_region}"
  template_body = file("${local.release}/templates/firmware-a.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      AssetBucket = aws_s3_bucket.code_active.id
      ApiId       = aws_cloudformation_stack.site_a.outputs["ApiId"]
    }) :
    name => value if contains(local.declared["firmware-a"], name)
  }

  depends_on = [aws_s3_object.code_active]
}

resource "aws_cloudformation_stack" "firmware_b" {
  provider = aws.standby

  name          = "hotsite-firmware-${var.standby_region}"
  template_body = file("${local.release}/templates/firmware-b.template.json")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]

  parameters = {
    for name, value in merge(local.common, {
      AssetBucket = aws_s3_bucket.code_standby.id
      ApiId       = aws_cloudformation_stack.site_b.outputs["ApiId"]
    }) :
    name => value if contains(local.declared["firmware-b"], name)
  }

  depends_on = [aws_s3_object.code_standby]
}
