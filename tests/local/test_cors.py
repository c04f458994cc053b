"""Templates say AllowOrigins, the API says allowOrigins, and both mean one thing."""

from hotsite.local.region import cors


def answer(configuration, origin):
    return sorted(configuration), origin


def test_configuration_of_a_template_reads_like_the_apis_own():
    given = {"AllowOrigins": ["*"], "MaxAge": 60}
    spelt = {"allowOrigins": ["*"], "maxAge": 60}
    assert cors.camel_case(given) == cors.camel_case(spelt) == spelt


def test_both_answers_are_corrected_and_an_api_without_pages_has_none():
    patches = cors.patches()
    assert {patch.symbol for patch in patches} == {
        "services.apigateway:_cors_response_headers",
        "services.apigateway:_cors_preflight_response",
    }
    for patch in patches:
        corrected = patch.replace(answer)
        assert corrected({"AllowOrigins": []}, "x") == (["allowOrigins"], "x")
        assert corrected(None, "x") == ([], "x")
