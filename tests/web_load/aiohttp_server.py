#!/usr/bin/python3
# aiohttp_server.py WORKERS WORK_US: the server of atomic.c with Python's aiohttp and a pool of threads.
# Says its port, and ends at the end of its input.
import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

workers, work_us = map(int, sys.argv[1:])


async def main():
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(workers)

    async def hello(request):
        await loop.run_in_executor(pool, time.sleep, work_us / 1e6)
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


asyncio.run(main())
