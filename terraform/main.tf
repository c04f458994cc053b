# The templates are the source of truth: this module hands them over, in order, and
# makes natively only what Terraform users have their own ways with.

data "aws_caller_identity" "current" {
  provider = aws.active
}

locals {
  account = data.aws_caller_identity.current.account_id
  release = coalesce(var.release_dir, "${path.module}/release")
  zone_id = var.hosted_zone_id == null ? aws_route53_zone.this[0].zone_id : var.hosted_zone_id
  zips    = fileset("${local.release}/lambdas", "*.zip")

  # In whole templates a parameter is declared before anything refers to it.
  declared = {
    for name in ["key-a", "key-b", "data", "cold-a", "cold-b", "site-a", "site-b", "replication-a", "replication-b", "copies-a", "copies-b", "telemetry-a", "telemetry-b", "firmware-a", "firmware-b"] :
    name => keys(lookup(jsondecode(file("${local.release}/templates/${name}.template.json")), "Parameters", {}))
  }

  common = merge({ AppOrigins = "https://app.${var.domain}" }, var.more_parameters, {
    Domain         = var.domain
    ActiveRegion   = var.active_region
    StandbyRegion  = var.standby_region
    AssetKeyPrefix = "hotsite/"
    HostedZoneId   = local.zone_id
    JwtIssuer      = var.jwt_issuer
    JwtAudience    = var.jwt_audience
    Compute        = var.strategy == "pilot-light" ? "off" : "on"
    RaisedQuotas   = length(var.raised_quotas) == 0 ? "" : jsonencode(var.raised_quotas)
  })
}

resource "aws_route53_zone" "this" {
  provider = aws.active
  count    = var.hosted_zone_id == null ? 1 : 0

  name = var.domain
  tags = var.tags
}

# --- Code of the functions, in each Region ---

resource "aws_s3_bucket" "code_active" {
  provider = aws.active

  bucket        = "hotsite-assets-${local.account}-${var.active_region}"
  force_destroy = true
  tags          = var.tags
}

resource "aws_s3_bucket" "code_standby" {
  provider = aws.standby

  bucket        = "hotsite-assets-${local.account}-${var.standby_region}"
  force_destroy = true
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "code_active" {
  provider = aws.active

  bucket                  = aws_s3_bucket.code_active.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_public_access_block" "code_standby" {
  provider = aws.standby

  bucket                  = aws_s3_bucket.code_standby.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# A package is named by its content, so it never changes under its name.
resource "aws_s3_object" "code_active" {
  provider = aws.active
  for_each = local.zips

  bucket = aws_s3_bucket.code_active.id
  key    = "hotsite/${each.value}"
  source = "${local.release}/lambdas/${each.value}"
}

resource "aws_s3_object" "code_standby" {
  provider = aws.standby
  for_each = local.zips

  bucket = aws_s3_bucket.code_standby.id
  key    = "hotsite/${each.value}"
  source = "${local.release}/lambdas/${each.value}"
}
