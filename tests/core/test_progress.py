from hotsite.core.progress import Costs, progress

COSTS = Costs(
    {"DescribeCertificate": 1, "DescribeThing": 1},
    {
        "DescribeCertificate": 10,
        "DescribeThing": 350,
    },
)


def test_time_that_is_left_is_what_the_slowest_quota_allows():
    found = progress("things", done=0, total=1000, elapsed_s=0, costs=COSTS)
    assert (found.eta_s, found.api) == (100, "DescribeCertificate")


def test_pace_so_far_decides_when_it_is_slower_than_the_quotas():
    found = progress("things", done=100, total=1000, elapsed_s=50, costs=COSTS)
    assert (found.eta_s, found.api, found.rate_per_s) == (450, None, 2)


def test_time_is_unknown_before_anything_is_counted_or_done():
    assert progress("x", done=5, total=None, elapsed_s=1, costs=COSTS).eta_s is None
    assert progress("x", done=0, total=5, elapsed_s=1, costs=None).eta_s is None


def test_nothing_left_takes_no_time():
    assert progress("x", done=5, total=5, elapsed_s=1, costs=COSTS).eta_s == 0
    assert progress("x", done=0, total=0, elapsed_s=0, costs=None).eta_s == 0
