"""Ports on AWS, through boto3."""
