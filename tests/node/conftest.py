"""One process of nodes for a test: private context, bounded waits, nothing left behind."""

import contextlib
import gc
import time

import pytest
import rclpy
from lifecycle_msgs.msg import Transition
from rclpy.executors import SingleThreadedExecutor

from tektra.runtime.bare import without_types
from tektra.runtime.topics import topic

WAIT_S = 10.0


class Ros:
    """A private context with one executor that the test spins by waiting."""

    def __init__(self, domain_id):
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[], domain_id=domain_id)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.nodes = []
        self._clients = {}
        self._stack = contextlib.ExitStack()
        self.peer = self.add(
            rclpy.create_node(
                'test_peer',
                context=self.context,
                use_global_arguments=False,
                parameter_overrides=without_types(),
            )
        )

    def add(self, node):
        self.executor.add_node(node)
        self.nodes.append(node)
        return node

    def make(self, node_class, name, parameters=None, **more):
        """Host a TektraNode with parameter values."""
        given = (parameters or {}).items()
        overrides = [rclpy.Parameter(key, value=value) for key, value in given]
        return self.add(
            node_class(
                name,
                context=self.context,
                parameter_overrides=overrides,
                use_global_arguments=False,
                **more,
            )
        )

    def until(self, done, wait_s=WAIT_S):
        """Spin until ``done()`` is true; fail the test if it does not become so."""
        end = time.monotonic() + wait_s
        while not done():
            assert time.monotonic() < end, f'not within {wait_s} s: {done}'
            self.executor.spin_once(timeout_sec=0.02)

    def at_end(self, call):
        """Call this at the end of the test, before the nodes go; the last one first."""
        self._stack.callback(call)

    def change(self, node, transition):
        """Ask for a transition over the service, as the manager does; return its success."""
        from lifecycle_msgs.srv import ChangeState

        name = f'{node.get_name()}/change_state'
        if name not in self._clients:
            self._clients[name] = self.peer.create_client(ChangeState, name)
        client = self._clients[name]
        self.until(client.service_is_ready)
        future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
        self.until(future.done)
        return future.result().success

    def bring_up(self, node):
        """Configure and activate."""
        assert self.change(node, Transition.TRANSITION_CONFIGURE), node.last_error
        assert self.change(node, Transition.TRANSITION_ACTIVATE), node.last_error
        return node

    def collect(self, name):
        """Return a list that fills with the messages of a topic."""
        row, received = topic(name), []
        self.peer.create_subscription(row.message_type(), row.name, received.append, row.qos())
        return received

    def publisher(self, name, readers=1):
        """Return a publisher once ``readers`` subscriptions are matched."""
        row = topic(name)
        made = self.peer.create_publisher(row.message_type(), row.name, row.qos())
        self.until(lambda: made.get_subscription_count() >= readers)
        return made

    def close(self):
        self._stack.close()
        for node in self.nodes:
            if hasattr(node, 'shut_down'):
                node.shut_down()
        self.executor.shutdown(timeout_sec=0)
        for node in self.nodes:
            node.destroy_node()
        self.context.try_shutdown()
        # A participant lives until nothing refers to it; dozens of dead ones slow discovery down.
        del self.nodes, self.peer, self.executor, self._clients
        gc.collect()
        self.context.destroy()


@pytest.fixture
def ros(request):
    import os

    made = Ros(int(os.environ['ROS_DOMAIN_ID']))
    yield made
    made.close()
