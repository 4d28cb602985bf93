"""What a training prints: every line, with its step, in order, and never in the way."""

import pytest

from bptui.protocol import Step

MEMORY = 48 << 20
"""Bytes by which a flood of output may make a session grow; a recording's page cache and one piece of text."""


def run(client, **options):
    client.send(Step("run"))
    return client.wait(lambda status: status.state in ("finished", "failed"))


def test_lines_carry_their_step(begin, house):
    client = begin(
        """
        print("imported")

        def loop():
            print("begun")
            yield from ten(lambda i: print(f"sample {i}"))
            print("over")
        """
    )
    assert house.printed() == [(-1, False, "imported")]
    client.step()
    assert house.printed()[1:] == [(0, False, "begun"), (0, False, "sample 0")]
    client.step(2)
    assert house.printed()[3:] == [(1, False, "sample 1"), (2, False, "sample 2")]
    run(client)
    lines = house.printed()[5:]
    assert lines == [*[(i, False, f"sample {i}") for i in range(3, 10)], (10, False, "over")]


def test_lines_without_an_end_come_at_the_end(begin, house):
    client = begin("def loop():\n    yield from ten(lambda i: print(i, end=' '))\n    os._exit(0)\n")
    run(client)
    assert house.printed() == []  # Python's own buffer, as without us
    client = begin("def loop():\n    yield from ten(lambda i: print(i, end=' '))\n")
    run(client)
    assert [text for _, _, text in house.printed()] == ["0 1 2 3 4 5 6 7 8 9 "]


def test_both_streams_come_in_the_order_of_their_steps(begin, house):
    client = begin(
        """
        def loop():
            for i in range(5000):
                print(i)
                if i % 3 == 0:
                    print(i, file=sys.stderr)
                yield Sample(epoch=0, index=i, loss=1.0)
        """
    )
    run(client)
    lines = house.printed()
    assert [int(text) for _, error, text in lines if not error] == list(range(5000))
    assert [int(text) for _, error, text in lines if error] == list(range(0, 5000, 3))
    assert all(step == int(text) for step, _, text in lines)
    steps = [step for step, _, _ in lines]
    assert steps == sorted(steps)


def test_what_is_printed_behind_pythons_back_belongs_to_the_stop_before(begin, house):
    client = begin(
        """
        def loop():
            yield from ten(lambda i: (os.write(1, b"raw\\n"), subprocess.run(["echo", "child"])))
        """
    )
    client.step()
    client.step()
    assert house.printed() == [
        (0, False, "raw"),
        (0, False, "child"),
        (1, False, "raw"),
        (1, False, "child"),
    ]


def test_a_long_sample_shows_what_it_prints_while_it_lasts(begin, house):
    client = begin("def loop():\n    yield from ten(lambda i: i < 3 or (print('now'), time.sleep(1e6)))\n")
    client.send(Step("run"))
    client.wait(lambda status: house.printed() == [(3, False, "now")], state="running")


def test_what_is_printed_while_paused_is_shown(begin, house):
    client = begin(
        """
        def later():
            sys.stdin.read()
            threading.Event().wait(0.05)
            print("from a thread")

        def loop():
            threading.Thread(target=later).start()
            yield from ten()
        """
    )
    client.step()
    client.wait(lambda status: [text for _, _, text in house.printed()] == ["from a thread"])


FLOODS = {
    "print": "for _ in range(10_000): print('x' * 999)",
    "one long line": "sys.stdout.write('x' * 5_000_000)",
    "os.write": "for _ in range(100): os.write(1, (b'x' * 999 + b'\\n') * 100)",
    "both streams": "for _ in range(10_000): print('x' * 99); print('y' * 99, file=sys.stderr)",
    "a child process": "subprocess.run('yes | head -c 5000000', shell=True)",
}


@pytest.mark.parametrize("how", FLOODS)
def test_a_hundred_megabytes_neither_block_nor_grow_the_session(build, how):
    house = build(
        f"def loop():\n    yield from ten(lambda i: flood(i))\n\ndef flood(i):\n    {FLOODS[how]}\n    print(i)\n"
    )
    client = house.client()
    client.wait(state="paused")
    before = house.peak_memory()
    assert run(client).state == "finished"
    assert house.peak_memory() - before < MEMORY
    reader = house.reader()
    last = reader.output_count()
    assert last > 500
    assert any(line.step == 9 and line.text.endswith("9") for line in reader.output(last - 2000, last))
    reader.close()
    house.quit()
    house.recording.unlink()


def test_commands_are_obeyed_in_a_flood(begin):
    client = begin(
        """
        def loop():
            subprocess.Popen(["yes"])
            yield from for_ever()
        """
    )
    assert client.step(10).steps == 10
    assert client.reset().state == "paused"
