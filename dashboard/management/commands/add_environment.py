from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard import aws
from dashboard.models import Environment


class Command(BaseCommand):
    help = "Add an environment: an AWS account and Region that Stepgate deploys to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="a-z, 0-9 and dashes")
        parser.add_argument("--region", required=True)
        parser.add_argument("--role-arn", default="", help="the role to assume in that account")

    def handle(self, *args: Any, **options: Any) -> None:
        region, role_arn = options["region"], options["role_arn"]
        try:
            account_id = aws.account_of(region, role_arn)
        except aws.AwsError as error:
            raise CommandError(f"{error}\n{error.advice}") from error
        environment = Environment(
            name=options["name"], account_id=account_id, region=region, role_arn=role_arn
        )
        try:
            environment.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        environment.save()
        self.stdout.write(f"Environment {environment}: {environment.place}")
