terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 4.40"
    }
  }
}

provider "aws" {
  alias  = "active"
  region = "eu-central-1"
}

provider "aws" {
  alias  = "standby"
  region = "eu-west-1"
}

module "hotsite" {
  source = "../.."

  providers = {
    aws.active  = aws.active
    aws.standby = aws.standby
  }

  domain         = "fleet.example.com"
  active_region  = "eu-central-1"
  standby_region = "eu-west-1"
  jwt_issuer     = "https://issuer.example.com/"
  raised_quotas  = { CreateThing = 200 }
}

output "name_servers" {
  value = module.hotsite.name_servers
}
