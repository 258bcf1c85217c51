"""All that can be administered, in one place: what the routes work with."""

from msgspec import Struct

from keywright.control.blueprint import ControlBlueprint
from keywright.control.desks.budgets import Budgets
from keywright.control.desks.catalogue import Catalogue
from keywright.control.desks.credentials import Credentials
from keywright.control.desks.keys import Keys
from keywright.control.desks.limits import Limits
from keywright.control.desks.organisation import Organisation
from keywright.control.desks.policy import Policy
from keywright.control.desks.projects import Projects
from keywright.control.desks.replacements import Replacements
from keywright.control.desks.reports import Reports
from keywright.control.desks.requests import Requests
from keywright.control.desks.secrets import Secrets
from keywright.control.desks.service_accounts import ServiceAccounts
from keywright.control.desks.usage import Usage
from keywright.control.desks.users import Users


class Desk(Struct, frozen=True, eq=False):
    """One for each noun."""

    blueprint: ControlBlueprint
    organisation: Organisation
    projects: Projects
    users: Users
    service_accounts: ServiceAccounts
    keys: Keys
    budgets: Budgets
    limits: Limits
    catalogue: Catalogue
    usage: Usage
    requests: Requests
    policy: Policy
    reports: Reports
    credentials: Credentials
    replacements: Replacements
    secrets: Secrets


def open_desk(blueprint: ControlBlueprint) -> Desk:
    """The desk of one gateway."""
    return Desk(
        blueprint=blueprint,
        organisation=Organisation(blueprint),
        projects=Projects(blueprint),
        users=Users(blueprint),
        service_accounts=ServiceAccounts(blueprint),
        keys=Keys(blueprint),
        budgets=Budgets(blueprint),
        limits=Limits(blueprint),
        catalogue=Catalogue(blueprint),
        usage=Usage(blueprint),
        requests=Requests(blueprint),
        policy=Policy(blueprint),
        reports=Reports(blueprint),
        credentials=Credentials(blueprint),
        replacements=Replacements(blueprint),
        secrets=Secrets(blueprint),
    )
