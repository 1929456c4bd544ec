#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A peer that is not Postern: Python's asyncio.

interop-asyncio.py client PATH   copies standard input to the server, and what it answers to standard output
interop-asyncio.py server PATH   sends one client back what it sends
"""

import asyncio
import sys


async def copy(reader, write, drain):
    while data := await reader.read(65536):
        write(data)
        await drain()


async def client(path):
    reader, writer = await asyncio.open_unix_connection(path)

    async def send():
        while data := await asyncio.to_thread(sys.stdin.buffer.read, 65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def flush():
        sys.stdout.buffer.flush()

    await asyncio.gather(send(), copy(reader, sys.stdout.buffer.write, flush))
    writer.close()
    await writer.wait_closed()


async def server(path):
    ended = asyncio.Event()

    async def echo(reader, writer):
        await copy(reader, writer.write, writer.drain)
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_unix_server(echo, path):
        await ended.wait()


asyncio.run({"client": client, "server": server}[sys.argv[1]](sys.argv[2]))
