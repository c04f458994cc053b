"""What AWS Lambda calls: parse, run one flow, map the answer."""
