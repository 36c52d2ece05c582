"""The layers of the configuration as a running node has them."""

import os

from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter

from launched import wait_until
from tektra.cli.client import GraphClient
from tektra.launching import runfile

LAUNCH = """
launch:
  - arg: {name: params_file, default: ''}
  - arg: {name: speaker, default: auto}
  - node:
      pkg: tektra
      exec: tts
      name: tts
      namespace: left
      param: [{from: $(var params_file)}]
  - node:
      pkg: tektra
      exec: audio_playback
      name: audio_playback
      param:
        - {from: $(var params_file)}
        - {name: speaker, value: $(var speaker), type: str}
"""

OWN = """
/**/tts:
  ros__parameters: {rate: 1.25, pitch: 1.5, language: 'de'}
/left/tts:
  ros__parameters: {volume: 0.5}
/**/audio_playback:
  ros__parameters: {speaker: none}
"""


def call(client, service_type, name, request):
    caller = client.node.create_client(service_type, name)
    assert client.wait(caller.service_is_ready, 30)
    future = caller.call_async(request)
    assert client.wait(future.done, 10)
    return future.result()


def test_a_node_has_the_values_of_the_layers(tektra):
    file = tektra.folder / 'two.launch.yaml'
    file.write_text(LAUNCH)
    own = tektra.folder / 'home' / 'config' / 'voice.yaml'
    own.parent.mkdir(parents=True)
    own.write_text(OWN)
    tektra.environment |= {
        'TEKTRA_HOME': str(tektra.folder / 'home'),
        'TEKTRA__TTS__PITCH': '0.75',
    }
    process = tektra.start('up', str(file), '--set', 'tts.rate=1.75')
    state = tektra.folder / 'state'
    graph = wait_until(lambda: runfile.find(state) or process.poll(), 'no run file')
    assert not isinstance(graph, int), process.stdout.read()

    client = GraphClient(graph.domain_id, f'test_config_{os.getpid()}')
    try:
        names = ['rate', 'pitch', 'language', 'volume']
        request = GetParameters.Request(names=names)
        values = call(client, GetParameters, '/left/tts/get_parameters', request).values
        got = [values[0].double_value, values[1].double_value, values[2].string_value]
        assert [*got, values[3].double_value] == [1.75, 0.75, 'de', 0.5]

        request = GetParameters.Request(names=['speaker'])
        answer = call(client, GetParameters, '/audio_playback/get_parameters', request)
        assert answer.values[0].string_value == 'none', 'it became the launch argument'

        wrong = SetParameters.Request(parameters=[Parameter('rate', value=9.0).to_parameter_msg()])
        (result,) = call(client, SetParameters, '/left/tts/set_parameters', wrong).results
        assert not result.successful
        assert 'rate = 9 is outside 0.5..2.5' in result.reason
    finally:
        client.close()
