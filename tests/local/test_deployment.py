"""Templates without what the emulator lacks, and the order of stacks."""

import json

import pytest
from tests.local.cloud_world import global_table

from hotsite.core.stacks import Need
from hotsite.errors import InvalidInputError
from hotsite.local import templates
from hotsite.local.plan import Place, Plan, arrange

REGION = "eu-west-1"
CHECK = {
    "Type": "AWS::Route53::HealthCheck",
    "Properties": {
        "HealthCheckConfig": {
            "Type": "HTTPS",
            "Port": {"Ref": "HealthCheckPort"},
            "FullyQualifiedDomainName": {"Fn::Sub": "api.${Domain}"},
            "EnableSNI": True,
        }
    },
}


def record(**properties):
    return {"Type": "AWS::Route53::RecordSet", "Properties": properties}


@pytest.mark.parametrize(
    "reference", [{"Ref": "Check"}, {"Fn::GetAtt": ["Check", "HealthCheckId"]}]
)
def test_a_reference_to_a_health_check_becomes_its_identifier(reference):
    template = {"Resources": {"Check": CHECK, "Name": record(HealthCheckId=reference)}}
    reduced = templates.reduce(template, region=REGION)
    name = reduced.template["Resources"]["Name"]
    assert name["Properties"]["HealthCheckId"] == "eu-west-1.Check"
    assert "Check" not in reduced.template["Resources"]
    assert reduced.removed == (("Check", "AWS::Route53::HealthCheck"),)


def test_the_emulator_resolves_what_only_cloudformation_can():
    reduced = templates.reduce({"Resources": {"Check": CHECK}}, region=REGION)
    outputs = reduced.template["Outputs"]
    assert outputs["HotsiteHealthCheckCheckPort"] == {
        "Value": {"Ref": "HealthCheckPort"}
    }
    (check,) = reduced.resolve(
        {
            "HotsiteHealthCheckCheckPort": "8443",
            "HotsiteHealthCheckCheckFullyQualifiedDomainName": "api.hotsite.test",
        }
    )
    assert check.id == "eu-west-1.Check"
    assert check.properties == {
        "Type": "HTTPS",
        "Port": 8443,
        "FullyQualifiedDomainName": "api.hotsite.test",
        "EnableSNI": True,
    }


def test_a_calculated_check_counts_checks_by_their_identifiers():
    config = {
        "Type": "CALCULATED",
        "ChildHealthChecks": [
            {"Fn::GetAtt": ["Health", "HealthCheckId"]},
            {"Fn::GetAtt": ["Switch", "HealthCheckId"]},
        ],
        "HealthThreshold": 2,
    }
    both = {
        "Type": CHECK["Type"],
        "Properties": {"HealthCheckConfig": config},
    }
    resources = {
        "Health": CHECK,
        "Switch": CHECK,
        "Both": both,
        "Name": record(HealthCheckId={"Fn::GetAtt": ["Both", "HealthCheckId"]}),
    }
    reduced = templates.reduce({"Resources": resources}, region=REGION)
    found = {check.id: check for check in reduced.resolve({})}
    assert found["eu-west-1.Both"].properties == {
        **config,
        "ChildHealthChecks": ["eu-west-1.Health", "eu-west-1.Switch"],
    }
    name = reduced.template["Resources"]["Name"]["Properties"]
    assert name["HealthCheckId"] == "eu-west-1.Both"
    assert {key for key, check in found.items() if check.is_of_site} == {
        "eu-west-1.Health"
    }


def test_what_points_at_something_removed_goes_with_it():
    template = {
        "Resources": {
            "Key": {"Type": "AWS::KMS::ReplicaKey", "Properties": {}},
            "Alias": {
                "Type": "AWS::KMS::Alias",
                "Properties": {"TargetKeyId": {"Ref": "Key"}},
            },
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "DependsOn": ["Key", "Queue"],
                "Properties": {
                    "KeyId": {"Ref": "Key"},
                    "Rules": [{"Key": {"Fn::GetAtt": "Key.Arn"}}, {"Ref": "Key"}],
                },
            },
            "Queue": {"Type": "AWS::SQS::Queue", "DependsOn": "Key", "Properties": {}},
        },
        "Outputs": {
            "KeyId": {"Value": {"Ref": "Key"}},
            "Queue": {"Value": {"Ref": "Queue"}},
        },
    }
    reduced = templates.reduce(template, region=REGION)
    resources = reduced.template["Resources"]
    assert sorted(resources) == ["Bucket", "Queue"]
    assert resources["Bucket"]["Properties"] == {"Rules": [{}]}
    assert resources["Bucket"]["DependsOn"] == ["Queue"]
    assert "DependsOn" not in resources["Queue"]
    assert sorted(reduced.template["Outputs"]) == ["Queue"]


def test_a_template_that_lacks_nothing_stays_as_it_is():
    template = {
        "Parameters": {"P": {"Type": "String"}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"A": [1]}}},
    }
    assert templates.reduce(template, region=REGION).template == template


def test_every_missing_type_has_its_reason():
    for kind, reason in templates.MISSING.items():
        assert kind.startswith("AWS::")
        assert len(reason) > 20


PLACES = (Place("a", "eu-central-1", "-"), Place("b", "eu-west-1", "-"))


def plan(folder, stacks):
    document = []
    for name, region, template, parameters in stacks:
        (folder / f"{name}.json").write_text(json.dumps({"Resources": template}))
        entry = {"name": name, "region": region, "template": f"{name}.json"}
        document.append({**entry, "parameters": parameters})
    (folder / "stacks.json").write_text(json.dumps(document))
    return Plan(PLACES, str(folder), "", "hotsite.test", "123456789012", ())


def test_stacks_that_others_need_come_first_and_the_rest_side_by_side(tmp_path):
    needs = {"KeyId": {"stack": "key", "output": "Id"}}
    shared, regional = arrange(
        plan(
            tmp_path,
            [
                ("key", "eu-central-1", {}, {}),
                ("data", "eu-central-1", {"T": global_table("t")}, needs),
                ("site-a", "eu-central-1", {}, {}),
                ("site-b", "eu-west-1", {}, {}),
            ],
        )
    )
    assert [stack.name for stack in shared] == ["key", "data"]
    assert shared[1].needs == (Need("KeyId", "key", "Id"),)
    assert shared[1].global_tables == ("t",)
    assert [stack.place.letter for stack in regional] == ["a", "b"]


def test_a_stack_for_a_region_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="us-east-1"):
        arrange(plan(tmp_path, [("site", "us-east-1", {}, {})]))


def test_a_folder_without_a_plan_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="no plan of stacks"):
        arrange(Plan(PLACES, str(tmp_path), "", "hotsite.test", "1" * 12, ()))
