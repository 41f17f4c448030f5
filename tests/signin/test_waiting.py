"""`w.wait()` and `await w` in real kernels of both lines, with a page that speaks the messages by hand."""

from __future__ import annotations


def test_a_blocking_cell_waits_for_a_page_that_comes_later_and_for_its_token(kernel):
    kernel.login()
    cell = kernel.start("print('waiting'); print(w.wait(60))")
    kernel.hear_until(lambda: "waiting" in cell.output, "the cell to run")
    kernel.page()
    kernel.token("w", "token-1")
    assert "token-1" in cell.finish()


def test_a_token_that_is_there_is_returned_at_once(kernel):
    kernel.login()
    kernel.token("w", "token-2")
    assert kernel.run("print(w.wait(0), await w, w.token(), await w.token_async())") == " ".join(
        ["token-2"] * 4
    )


def test_nobody_signs_in_in_time(kernel):
    kernel.login()
    kernel.page()
    error = kernel.start("w.wait(0.05)").fail()
    assert "SignInTimeout" in error
    assert "Nobody signed in within 0.05 s" in error


def test_without_any_page_the_wait_ends_soon_and_names_await(kernel):
    kernel.login()
    kernel.run("import oidc_widget.signin.browser_source as source; source.FIRST_PATIENCE = 0.1")
    error = kernel.start("w.wait()").fail()
    assert "No page with this widget has answered" in error
    assert "await w" in error
    kernel.run("source.FIRST_PATIENCE = 15.0")


def test_where_a_page_has_no_express_lane_the_wait_ends_at_once_and_names_await(kernel):
    kernel.login()
    kernel.deliver_by_comm("w", "page", redirect_uri="https://hub.example/callback", popup=True)
    error = kernel.start("w.wait()").fail()
    assert "no_express_lane" in kernel.run("import sys; print(sys.last_value.code)")
    assert "await w" in error


def test_another_thread_may_wait_where_the_page_has_no_express_lane(kernel):
    kernel.login()
    kernel.deliver_by_comm("w", "page", redirect_uri="https://hub.example/callback", popup=True)
    kernel.run(
        "import threading; got = []; t = threading.Thread(target=lambda: got.append(w.wait(20))); t.start()"
    )
    kernel.deliver_by_comm("w", "token", access_token="token-3", expires_in=60)
    assert kernel.run("t.join(20); print(got)") == "['token-3']"


def test_interrupting_the_kernel_ends_the_wait_and_the_next_one_works(kernel):
    kernel.login()
    kernel.page()
    cell = kernel.start("print('waiting'); w.wait()")
    kernel.hear_until(lambda: "waiting" in cell.output, "the cell to run")
    kernel.interrupt()
    assert "KeyboardInterrupt" in cell.fail()
    cell = kernel.start("w.wait(20)")
    kernel.token("w", "token-4")
    assert cell.finish() == "'token-4'"


def test_await_does_not_block_the_kernels_loop(kernel):
    kernel.login()
    kernel.page()
    cell = kernel.start(
        "import asyncio\n"
        "ticks = []\n"
        "async def tick():\n"
        "    while True:\n"
        "        ticks.append(1); await asyncio.sleep(0)\n"
        "        if len(ticks) == 10: print('ticked')\n"
        "ticking = asyncio.ensure_future(tick())\n"
        "token = await w\n"
        "ticking.cancel()\n"
        "print(token)\n"
    )
    kernel.hear_until(lambda: "ticked" in cell.output, "the other task to run")
    kernel.token("w", "token-5")
    assert "token-5" in cell.finish()


def test_awaiting_is_served_in_other_threads_loops_too(kernel):
    kernel.login()
    kernel.page()
    cell = kernel.start(
        "import asyncio, threading\n"
        "async def both(): return await asyncio.gather(w.token_async(timeout=20), wait())\n"
        "async def wait(): return await w\n"
        "got = []\n"
        "t = threading.Thread(target=lambda: got.extend(asyncio.run(both()))); t.start()\n"
        "print('waiting'); t.join(20); print(got)"
    )
    kernel.hear_until(lambda: "waiting" in cell.output, "the cell to run")
    kernel.token("w", "token-6")
    assert "['token-6', 'token-6']" in cell.finish()


def test_an_await_that_is_cancelled_leaves_the_others_alone(kernel):
    kernel.login()
    kernel.page()
    cell = kernel.start(
        "import asyncio\n"
        "async def wait(): return await w\n"
        "one, two = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())\n"
        "await asyncio.sleep(0); one.cancel(); await asyncio.sleep(0)\n"
        "print('waiting', await two, one.cancelled())"
    )
    kernel.messages("state")
    kernel.token("w", "token-7")
    assert "token-7 True" in cell.finish()


def test_who_waits_is_shown_the_button_unless_it_is_shown_already(kernel):
    kernel.login("shown")
    kernel.page("shown")
    kernel.run("shown")
    kernel.displays.clear()
    assert "SignInTimeout" in kernel.start("shown.wait(0.01)").fail()
    assert kernel.displays == []  # once is enough
    kernel.login("unseen")
    kernel.page("unseen")
    assert "SignInTimeout" in kernel.start("unseen.wait(0.01)").fail()
    assert sum("application/vnd.jupyter.widget-view+json" in shown for shown in kernel.displays) == 1


def test_signing_out_does_not_end_the_wait_for_a_sign_in(kernel):
    kernel.login()
    kernel.page()
    cell = kernel.start("print('waiting'); print(w.wait(20))")
    kernel.hear_until(lambda: "waiting" in cell.output, "the cell to run")
    assert kernel.deliver("w", "status", status="signed_out", ended=True) == "ok"
    kernel.token("w", "token-8")
    assert "token-8" in cell.finish()


def test_awaiting_takes_what_comes_by_the_widgets_own_comm(kernel):
    kernel.login()
    kernel.deliver_by_comm("w", "page", redirect_uri="https://hub.example/callback", popup=True)
    kernel.wait_for_message("state")
    cell = kernel.start("print('waiting'); print(await w.token_async(timeout=5))")
    if kernel.name == "ipykernel6":
        # It takes no widget message until the cell ends, so that this would never end well.
        assert "can't hand over a token while a cell runs" in cell.fail()
        assert kernel.run("w._sign_in.state.awaited") == "False"
        return
    kernel.hear_until(lambda: "waiting" in cell.output, "the cell to run")
    kernel.deliver_by_comm("w", "token", access_token="token-9", expires_in=60)
    assert "token-9" in cell.finish()


def test_a_page_that_was_there_and_answers_no_more_is_not_waited_for(kernel):
    kernel.login()
    kernel.page()
    kernel.run("import oidc_widget.signin.browser_source as source; source.PATIENCE = 0.2")
    kernel.deliver_by_comm("w", "page", redirect_uri="https://hub.example/callback", popup=True)
    try:
        error = kernel.start("w.wait()").fail()
        assert "no_express_lane" in kernel.run("import sys; print(sys.last_value.code)")
        assert "await w" in error
        assert "can't hand over a token" in kernel.start("w.wait()").fail()  # at once: nobody came since
        kernel.page()
        cell = kernel.start("w.wait(20)")
        kernel.wait_for_message("ping")
        kernel.page()
        kernel.token("w", "token-10")
        assert cell.finish() == "'token-10'"
    finally:
        kernel.run("source.PATIENCE = 5.0")


def test_a_page_that_answers_is_waited_for_as_long_as_it_takes(kernel):
    kernel.login()
    kernel.page()
    kernel.run("import oidc_widget.signin.browser_source as source; source.PATIENCE = 1")
    try:
        before = len(kernel.told)
        cell = kernel.start("w.wait(1.5)")
        kernel.wait_for_message("ping", after=before)
        kernel.page()
        assert "Nobody signed in within 1.5 s. Click “Sign in”" in cell.fail()
    finally:
        kernel.run("source.PATIENCE = 5.0")


def test_a_box_that_shows_the_widget_is_enough(kernel):
    kernel.login()
    kernel.page()
    kernel.run("from ipywidgets import HBox, VBox\nVBox([HBox([w])])")
    kernel.displays.clear()
    assert "SignInTimeout" in kernel.start("w.wait(0.01)").fail()
    assert kernel.displays == []


def test_the_first_page_without_a_window_loads_nothing_on_the_control_thread(kernel):
    kernel.run(
        "import sys, threading\n"
        "loaders = []\n"
        "class Watch:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.startswith('oidc_widget'): loaders.append(threading.current_thread().name)\n"
        "sys.meta_path.insert(0, Watch())\n"
        "for name in [n for n in sys.modules if n.startswith('oidc_widget.signin.kernel_source')]:\n"
        "    del sys.modules[name]"
    )
    kernel.login()
    kernel.page(popup=False)
    kernel.wait_for_message("state")
    used = kernel.run("loaders, threading.main_thread().name")
    assert "oidc-widget-tell" in used
    assert "control" not in used.lower()
    kernel.run("del sys.meta_path[0]")


def test_a_terminal_is_told_how_to_sign_in_and_a_notebook_is_not(kernel):
    kernel.login()
    assert ".wait()" not in kernel.run("w")
