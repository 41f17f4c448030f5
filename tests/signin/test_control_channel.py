"""What a page brings to a kernel in one message of the control channel."""

from __future__ import annotations


def test_several_deliveries_at_once_each_have_an_answer_of_their_own(kernel):
    kernel.login("one")
    kernel.login("two")
    kernel.adopt("gone", "a link of a kernel that was restarted")
    replies = kernel.deliver_together(
        ("one", "token", {"access_token": "first", "expires_in": 60}),
        ("gone", "token", {"access_token": "theirs", "expires_in": 60}),
        ("two", "token", {"access_token": 5}),
        ("two", "token", {"access_token": "second", "expires_in": 60}),
    )
    assert replies == [
        {"status": "ok"},
        {"status": "error", "reason": "unknown_link"},
        {"status": "error", "reason": "malformed"},
        {"status": "ok"},
    ]
    assert kernel.run("print(one.access_token, two.access_token)") == "first second"
    assert kernel.deliver_together() == []


def test_what_is_no_list_of_deliveries_is_for_nobody(kernel):
    for content in ({"deliveries": "x"}, {"deliveries": {"0": {}}}, {}):
        assert kernel.ask_by_control(content) == {"status": "error", "reason": "unknown_link"}
    [reply] = kernel.ask_by_control({"deliveries": [None]})["replies"]
    assert reply == {"status": "error", "reason": "malformed"}
