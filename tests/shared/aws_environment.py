"""What may be in the environment of somebody who works with AWS; none of it may lead a run there."""

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7REALKEY",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIrealsecret",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzErealtoken",
}
AWS_ENVIRONMENT = SECRETS | {
    "AWS_PROFILE": "production",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "https://sqs.eu-west-1.amazonaws.com",
    "AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com",
    "HTTP_PROXY": "http://192.0.2.1:3128",
    "HTTPS_PROXY": "http://192.0.2.1:3128",
}
