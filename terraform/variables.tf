variable "domain" {
  description = "The owner's domain; devices and apps know names below it and nothing else."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain)) && !endswith(var.domain, "amazonaws.com")
    error_message = "The domain must be a lower-case domain name of your own."
  }
}

variable "active_region" {
  description = "Region of the active site; the provider aws.active must be configured for it."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.active_region))
    error_message = "The active Region must be an AWS Region, such as eu-central-1."
  }
}

variable "standby_region" {
  description = "Region of the standby; the provider aws.standby must be configured for it."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.standby_region))
    error_message = "The standby Region must be an AWS Region, such as eu-west-1."
  }
}

variable "strategy" {
  description = "What the standby is: hot-site, which is always on, or pilot-light, whose canary and meter are off until a failover lights it."
  type        = string
  default     = "hot-site"

  validation {
    condition     = contains(["hot-site", "pilot-light"], var.strategy)
    error_message = "The strategy must be hot-site or pilot-light; for two active sites, synthesise your own templates (hotsite synth)."
  }
}

variable "hosted_zone_id" {
  description = "Public hosted zone of the domain. Null makes one; the world has to be told of its name servers."
  type        = string
  default     = null
}

variable "certificates" {
  description = "Who makes the certificates: native (this module, in Terraform's state) or templates (each site's stack, as this module did at first; see Certificates)."
  type        = string
  default     = "native"

  validation {
    condition     = contains(["native", "templates"], var.certificates)
    error_message = "Certificates are made native or by the templates."
  }
}

variable "certificate_arns" {
  description = "Certificates of your own in ACM, of each Region: for iot. and the site's iot-a. or iot-b., and for api. and api-a. or api-b. Null makes them."
  type = object({
    active  = object({ mqtt = string, api = string })
    standby = object({ mqtt = string, api = string })
  })
  default = null

  validation {
    condition = var.certificate_arns == null ? true : alltrue([
      for arn in flatten([for one in values(var.certificate_arns) : values(one)]) :
      can(regex("^arn:[a-z0-9-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-zA-Z0-9_-]+$", arn))
    ])
    error_message = "Each one of certificate_arns must be the ARN of a certificate in ACM."
  }
}

variable "jwt_issuer" {
  description = "Issuer of the JSON Web Tokens of the app's users, an https URL."
  type        = string

  validation {
    condition     = startswith(var.jwt_issuer, "https://")
    error_message = "The issuer must be an https URL: API Gateway accepts no other."
  }
}

variable "jwt_audience" {
  description = "What the tokens must be for."
  type        = string
  default     = "hotsite"
}

variable "raised_quotas" {
  description = "Calls a second of AWS IoT Core's APIs, where the account has more than the defaults."
  type        = map(number)
  default     = {}
}

variable "more_parameters" {
  description = "Parameters of the templates beyond these, by name; a stack takes those that it has."
  type        = map(string)
  default     = {}
}

variable "release_dir" {
  description = "Folder of a release of hotsite, with templates/ and lambdas/. Null is the one beside this module."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of what this module makes itself: the buckets of code, and the hosted zone."
  type        = map(string)
  default     = {}
}
