"""The CDK app and the pure core. Knows neither Django nor Celery nor boto3."""
