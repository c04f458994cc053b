terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = ">= 4.40"
      configuration_aliases = [aws.active, aws.standby]
    }
  }
}
