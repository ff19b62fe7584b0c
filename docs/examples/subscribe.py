"""Shows the events of an app, each once, one line of JSON each. It remembers where it was.

    pip install nats-py cloudevents
    python subscribe.py nats://127.0.0.1:4222 stay
"""

import asyncio
import json
import sys

import nats
from cloudevents.core.bindings.http import HTTPMessage, from_binary_event


async def main(url: str, stream: str) -> None:
    connection = await nats.connect(url)
    jetstream = connection.jetstream()
    # A durable consumer: the server keeps how far it has come.
    subscription = await jetstream.pull_subscribe("", durable="show-events-py", stream=stream)
    seen = set()
    while True:
        try:
            messages = await subscription.fetch(100, timeout=5)
        except nats.errors.TimeoutError:
            continue
        for message in messages:
            # The headers are those of CloudEvents over HTTP, so any library for CloudEvents reads them.
            event = from_binary_event(HTTPMessage(dict(message.headers), message.data))
            # At least once, with stable ids: who remembers ids sees each once.
            if event.get_id() not in seen:
                seen.add(event.get_id())
                line = {"id": event.get_id(), "type": event.get_type(), "source": event.get_source()}
                line |= {"subject": event.get_subject(), "time": event.get_time().isoformat()}
                line |= {"data": event.get_data()}
                print(json.dumps(line), flush=True)
            await message.ack()


asyncio.run(main(*sys.argv[1:]))
