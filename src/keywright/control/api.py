"""The inventory: what the administration API consists of. One more noun is one more line."""

from typing import Final

from keywright.control.routes.budgets import BudgetRoutes
from keywright.control.routes.catalogue import CatalogueRoutes
from keywright.control.routes.credentials import CredentialRoutes
from keywright.control.routes.keys import KeyRoutes
from keywright.control.routes.limits import LimitRoutes
from keywright.control.routes.organisation import OrganisationRoutes
from keywright.control.routes.policy import PolicyRoutes
from keywright.control.routes.projects import ProjectRoutes
from keywright.control.routes.replacements import ReplacementRoutes
from keywright.control.routes.reports import ReportRoutes
from keywright.control.routes.requests import RequestRoutes
from keywright.control.routes.secrets import SecretRoutes
from keywright.control.routes.service_accounts import ServiceAccountRoutes
from keywright.control.routes.usage import UsageRoutes
from keywright.control.routes.users import UserRoutes

CONTROLLERS: Final = (
    OrganisationRoutes,
    ProjectRoutes,
    UserRoutes,
    ServiceAccountRoutes,
    KeyRoutes,
    BudgetRoutes,
    LimitRoutes,
    CatalogueRoutes,
    UsageRoutes,
    RequestRoutes,
    PolicyRoutes,
    ReportRoutes,
    CredentialRoutes,
    ReplacementRoutes,
    SecretRoutes,
)
