"""Which way to AWS keys is taken on a machine: Amazon's order, and what a gateway cannot do is refused with advice."""

from pathlib import Path

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.session import Session

from keywright.core.errors import SecretError
from keywright.vault.aws.container import ContainerKeys
from keywright.vault.aws.instance import IPV4, IPV6, InstanceKeys
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.aws.source import AssumedRole, AwsPlan, AwsSettings, WebIdentity, plan_aws

UNSAID = AwsSettings()
REGION = {"AWS_REGION": "eu-central-1"}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "environment-secret"}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/web"}
ECS = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"}


class Machine:
    """A home with the CLI's files, and an environment."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / ".aws").mkdir()
        self.environment: dict[str, str] = {"HOME": str(home)}

    def write(self, *, config: str = "", credentials: str = "", mode: int = 0o600) -> None:
        (self.home / ".aws/config").write_text(config)
        (self.home / ".aws/credentials").write_text(credentials)
        (self.home / ".aws/credentials").chmod(mode)

    def plan(self, settings: AwsSettings = UNSAID, /, **environment: str) -> AwsPlan:
        return plan_aws(settings, {**self.environment, **environment})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def static(plan: AwsPlan) -> tuple[str, str, str | None]:
    source = plan.source
    assert isinstance(source, AwsKeys)
    return source.access_key_id, source.secret_access_key.reveal(), source.token.reveal() if source.token else None


DEFAULT_KEYS = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = default-secret\n"


def test_the_environment_s_keys_come_first(machine: Machine) -> None:
    machine.write(config="[default]\nrole_arn = arn:r\ncredential_source = Environment\n", credentials=DEFAULT_KEYS)
    plan = machine.plan(**REGION, **KEYS, **WEB, **ECS, AWS_SESSION_TOKEN="environment-token")
    assert static(plan) == ("AKIAENVIRONMENT", "environment-secret", "environment-token")


def test_then_the_profile_s_role_then_the_web_identity_then_its_keys_then_the_container_then_the_instance(
    machine: Machine,
) -> None:
    role = "[default]\nrole_arn = arn:r\ncredential_source = EcsContainer\n"
    machine.write(config=role, credentials=DEFAULT_KEYS)
    assert machine.plan(**REGION, **WEB, **ECS).source == AssumedRole(
        "arn:r", ContainerKeys("http://169.254.170.2/v2/credentials/x")
    )
    machine.write(credentials=DEFAULT_KEYS)
    web = WebIdentity("arn:aws:iam::1:role/web", Path("/var/run/token"))
    assert machine.plan(**REGION, **WEB, **ECS).source == web
    assert static(machine.plan(**REGION, **ECS)) == ("AKIADEFAULT", "default-secret", None)
    machine.write()
    assert machine.plan(**REGION, **ECS).source == ContainerKeys("http://169.254.170.2/v2/credentials/x")
    assert machine.plan(**REGION).source == InstanceKeys(IPV4)


def test_the_static_ways_are_resolved_as_amazon_s_sdk_resolves_them(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = (
        "[default]\nregion = eu-west-3\naws_access_key_id = AKIACONFIG\naws_secret_access_key = config-secret\n"
        "s3 =\n  max_concurrent_requests = 20\n[profile one]\nregion = ap-south-1\n[profile 'two words']\n"
        "aws_access_key_id = AKIATWO\naws_secret_access_key = two=secret%s\n[sso-session x]\nsso_region = us-east-1\n"
    )
    credentials = "[one]\naws_access_key_id=AKIAONE\naws_secret_access_key=one-secret\naws_session_token=one-token\n"
    machine.write(config=config, credentials=credentials)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    for profile in ("default", "one", "two words"):
        found = Session(profile=profile).get_credentials()
        assert found is not None
        amazons: ReadOnlyCredentials = found.get_frozen_credentials()
        plan = machine.plan(AwsSettings(profile=profile), AWS_DEFAULT_REGION="eu-north-1")
        assert static(plan) == (amazons.access_key, amazons.secret_key, amazons.token)
        assert plan.region == "eu-north-1" == Session(profile=profile).get_config_variable("region")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert machine.plan(AwsSettings(profile="one")).region == "ap-south-1"
    assert Session(profile="one").get_config_variable("region") == "ap-south-1"


def test_a_profile_that_the_operator_names_comes_before_the_environment(machine: Machine) -> None:
    machine.write(credentials="[work]\naws_access_key_id=AKIAWORK\naws_secret_access_key=work-secret\n")
    assert static(machine.plan(AwsSettings(profile="work"), **REGION, **KEYS)) == ("AKIAWORK", "work-secret", None)
    assert static(machine.plan(**REGION, **KEYS, AWS_PROFILE="work"))[0] == "AKIAENVIRONMENT"
    assert static(machine.plan(**REGION, AWS_PROFILE="work"))[0] == "AKIAWORK"


def test_a_role_that_the_operator_names_is_assumed_with_whatever_is_there(machine: Machine) -> None:
    settings = AwsSettings(role_arn="arn:aws:iam::1:role/llm")
    plan = machine.plan(settings, **REGION, AWS_ROLE_SESSION_NAME="gateway-7")
    assert plan.source == AssumedRole("arn:aws:iam::1:role/llm", InstanceKeys(IPV4), session="gateway-7")
    same = AwsSettings(role_arn=WEB["AWS_ROLE_ARN"])
    assert isinstance(machine.plan(same, **REGION, **WEB).source, WebIdentity), "a role does not assume itself"
    assert isinstance(machine.plan(settings, **REGION, **WEB).source, AssumedRole)


def test_roles_build_on_profiles(machine: Machine) -> None:
    config = (
        "[profile llm]\nrole_arn = arn:llm\nsource_profile = hop\nexternal_id = ext\nrole_session_name = s\n"
        "duration_seconds = 900\n[profile hop]\nrole_arn = arn:hop\nsource_profile = base\n"
        "[profile self]\nrole_arn = arn:self\nsource_profile = self\n"
        "[profile pod]\nrole_arn = arn:pod\nweb_identity_token_file = ~/token\n"
        "[profile vm]\nrole_arn = arn:vm\ncredential_source = Ec2InstanceMetadata\n"
    )
    credentials = "".join(
        f"[{name}]\naws_access_key_id=AKIA{name.upper()}\naws_secret_access_key=s\n" for name in ("base", "self")
    )
    machine.write(config=config, credentials=credentials)
    llm = machine.plan(AwsSettings(profile="llm"), **REGION).source
    assert isinstance(llm, AssumedRole)
    assert (llm.role_arn, llm.external_id, llm.session, llm.life_s) == ("arn:llm", "ext", "s", 900)
    assert isinstance(llm.source, AssumedRole)
    assert llm.source.role_arn == "arn:hop"
    assert isinstance(llm.source.source, AwsKeys)
    assert llm.source.source.access_key_id == "AKIABASE"
    own = machine.plan(AwsSettings(profile="self"), **REGION).source
    assert isinstance(own, AssumedRole)
    assert isinstance(own.source, AwsKeys)
    assert own.source.access_key_id == "AKIASELF"
    pod = machine.plan(AwsSettings(profile="pod"), **REGION).source
    assert pod == WebIdentity("arn:pod", machine.home / "token")
    vm = machine.plan(AwsSettings(profile="vm"), **REGION).source
    assert vm == AssumedRole("arn:vm", InstanceKeys(IPV4))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("", "there is no profile 'p' in the CLI's files"),
        ("[profile p]\ncredential_process = /bin/keys --token canary-9\n", "'p' starts a program for its keys"),
        ("[profile p]\ncredential_process = x\n", "aws configure export-credentials --profile p --format env"),
        (
            "[profile p]\nsso_session = corp\n",
            "'p' signs in a person, which a gateway cannot do; give it an access key",
        ),
        ("[profile p]\nsso_start_url = https://x\n", "'p' signs in a person"),
        ("[profile p]\nlogin_session = arn\n", "'p' signs in a person"),
        ("[profile p]\nrole_arn = a\nsource_profile = q\nmfa_serial = m\n", "'p' asks for a second factor"),
        ("[profile p]\nrole_arn = a\n", "'p' has a role_arn and needs source_profile or credential_source"),
        ("[profile p]\nrole_arn = a\nsource_profile = p\ncredential_source = Environment\n", "needs source_profile or"),
        ("[profile p]\nrole_arn = a\nsource_profile = q\n", "'p' builds on profile 'q', which does not exist"),
        ("[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\n", "'q', on which 'p' builds, holds neither"),
        ("[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nsso_session = x\n", "'q' signs in a person"),
        (
            "[profile p]\nrole_arn = a\nsource_profile = q\n[profile q]\nrole_arn = b\nsource_profile = p\n",
            "'q' builds on itself, by way of p and q",
        ),
        ("[profile p]\nrole_arn = a\ncredential_source = Environment\n", "'Environment' of profile 'p' is not there"),
        ("[profile p]\nrole_arn = a\ncredential_source = Moon\n", "'Moon' of profile 'p' is not there"),
        ("[profile p]\nrole_arn = a\nsource_profile = q\nduration_seconds = 5\n", "duration_seconds of profile 'p'"),
        ("[profile p]\naws_access_key_id = AKIA\n", "holds only a part of a key: aws_secret_access_key is missing"),
        ("[profile p]\naws_secret_access_key = canary-9\n", "a part of a key: aws_access_key_id is missing"),
        (
            "[profile p]\naws_access_key_id = A\naws_secret_access_key = canary-9 ü\n",
            "something else than visible ASCII",
        ),
        ("canary-9\n", "is not an INI file"),
        ("[profile p]\n[profile p]\ncanary-9 = x\n", "is not an INI file"),
        ("[profile p]\ncanary-9\n", "is not an INI file"),
    ],
)
def test_a_profile_that_leads_nowhere_says_why_and_shows_nothing(machine: Machine, config: str, why: str) -> None:
    machine.write(config=config)
    with pytest.raises(SecretError) as failure:
        machine.plan(AwsSettings(profile="p"), **REGION)
    assert why in str(failure.value)
    assert "canary-9" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_a_file_of_keys_that_others_may_read_is_refused(machine: Machine) -> None:
    machine.write(credentials=DEFAULT_KEYS, mode=0o644)
    with pytest.raises(SecretError, match=r"credentials may be touched by others than its owner .*chmod 600"):
        machine.plan(**REGION)


def test_files_are_where_the_environment_says(machine: Machine) -> None:
    other = machine.home / "elsewhere"
    other.write_text(DEFAULT_KEYS)
    other.chmod(0o600)
    plan = machine.plan(**REGION, AWS_SHARED_CREDENTIALS_FILE="~/elsewhere", AWS_CONFIG_FILE=str(other))
    assert static(plan)[0] == "AKIADEFAULT"


def test_a_machine_without_a_home_has_no_files() -> None:
    assert plan_aws(AwsSettings(), REGION).source == InstanceKeys(IPV4)


def test_without_a_region_it_is_said_how_to_set_one(machine: Machine) -> None:
    with pytest.raises(SecretError, match="no region is set: set AWS_REGION"):
        machine.plan(**KEYS)
    assert machine.plan(AwsSettings(region="us-west-2"), **REGION, **KEYS).region == "us-west-2"


def test_an_instance_that_must_not_be_asked_is_not(machine: Machine) -> None:
    with pytest.raises(SecretError, match="AWS_EC2_METADATA_DISABLED forbids"):
        machine.plan(**REGION, AWS_EC2_METADATA_DISABLED="TRUE")


def test_the_instance_is_asked_where_the_environment_says(machine: Machine) -> None:
    six = machine.plan(**REGION, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE="IPv6")
    assert six.source == InstanceKeys(IPV6)
    written = machine.plan(**REGION, AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:1338/")
    assert written.source == InstanceKeys("http://127.0.0.1:1338")


ALLOWED = [
    "http://127.0.0.1:5/x",
    "http://localhost/x",
    "http://[::1]/x",
    "http://169.254.170.23/v1",
    "https://k.corp/x",
]
REFUSED = [
    "http://169.254.169.254/x",
    "http://10.0.0.1/x",
    "http://evil.example/x",
    "http://127.0.0.1.nip.io/",
    "gopher://x",
]


@pytest.mark.parametrize("url", ALLOWED)
def test_a_container_s_keys_may_come_from_this_host_or_over_tls(machine: Machine, url: str) -> None:
    plan = machine.plan(**REGION, AWS_CONTAINER_CREDENTIALS_FULL_URI=url, AWS_CONTAINER_AUTHORIZATION_TOKEN="t")
    assert isinstance(plan.source, ContainerKeys)
    assert plan.source.url == url


@pytest.mark.parametrize("url", REFUSED)
def test_a_container_s_keys_do_not_come_from_anywhere_else(machine: Machine, url: str) -> None:
    with pytest.raises(SecretError, match="the container's credential endpoint"):
        machine.plan(**REGION, AWS_CONTAINER_CREDENTIALS_FULL_URI=url)


def test_a_plan_shows_no_secret(machine: Machine) -> None:
    assert "environment-secret" not in repr(machine.plan(**REGION, **KEYS, AWS_SESSION_TOKEN="environment-token"))
    assert "environment-token" not in repr(machine.plan(**REGION, **KEYS, AWS_SESSION_TOKEN="environment-token"))


@pytest.mark.parametrize("region", ["evil.example/", "x.evil.example#", "a.b", "a b", "é", "{region}"])
def test_a_region_that_would_make_another_host_is_none(machine: Machine, region: str) -> None:
    with pytest.raises(SecretError, match="host's name"):
        machine.plan(AWS_REGION=region, **KEYS)
    machine.write(config=f"[default]\nregion = {region}\n", credentials=DEFAULT_KEYS)
    with pytest.raises(SecretError, match="host's name"):
        machine.plan()
