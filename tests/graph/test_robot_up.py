"""A robot from `tektra up` to motion, stop and the end, by the commands that a person uses."""

import json

from launched import wait_until

CHANNELS = 'base, head, left_arm, right_arm'


def test_a_robot_comes_up_stopped_and_is_reset_enabled_and_stopped_by_commands(tektra):
    tektra.environment['TEKTRA_HOME'] = str(tektra.folder / 'home')
    graph = tektra.start('up', 'robot:=tek', 'input:=silence')

    def status():
        code, output = tektra.run('safety', 'status', 'tek', '--json')
        seen = json.loads(output)[0] if code == 0 else {}
        whole = seen.get('estop') and seen.get('gate')  # one may be found later than the other
        return seen if whole and seen['gate']['driver_connected'] else None

    def verb(*words):
        code, output = tektra.run(*words)
        return output if code == 0 else None

    seen = wait_until(status, 'the robot is not seen')
    assert seen['estop']['state'] == 'STOPPED'
    assert 'startup' in seen['estop']['reason']
    code, output = tektra.run('enable', 'tek')
    assert (code, 'it is stopped: startup' in output) == (1, True), output
    # A robot that gets no time for 0.15 s stops itself, and a person begins anew.
    enabled = wait_until(lambda: verb('reset', 'tek') and verb('enable', 'tek'), 'not enabled')
    assert enabled == f'tek: motion is enabled on {CHANNELS}\n'
    code, output = tektra.run('stop')
    assert code == 0, output
    assert f'standstill measured on {CHANNELS}' in output
    seen = wait_until(status, 'the robot is not seen any more')
    assert (seen['estop']['state'], seen['gate']['level']) == ('STOPPED', 'stopped')
    code, output = tektra.run('nodes')
    assert code == 0, output
    assert '/tek/estop' in output
    assert '/tek/robot_gate' in output
    assert graph.poll() is None
    code, output = tektra.run('down')
    assert code == 0, output
    graph.wait(30)
