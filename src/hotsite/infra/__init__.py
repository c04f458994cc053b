"""What runs in AWS, as code: the CDK app, the Lambda zips, the checks."""
