// redis-memory-server with a server of REDISMS_SYSTEM_BINARY, as a test suite for Node.js uses it.
// Prints one line for each check; ends with 1 if one failed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect as connectSocket, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createClient, WatchError } from 'redis';
import memory from 'redis-memory-server';

const { RedisMemoryServer } = memory;
const self = fileURLToPath(import.meta.url);
const patience = 20_000;

let failed = 0;
async function check(what, body) {
  const running = [];
  // start(OPTIONS): a server that is stopped after the check.
  const start = async (options) => {
    const server = new RedisMemoryServer(options);
    running.push(server);
    await server.start();
    return server;
  };
  try {
    await Promise.race([
      body(start),
      sleep(patience, null, { ref: false }).then(() => {
        throw new Error(`takes more than ${patience} ms`);
      }),
    ]);
    console.log(`ok      redis-memory-server: ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  redis-memory-server: ${what}\n${error.stack ?? error}`);
  }
  for (const server of running) await server.stop().catch(() => {});
}

async function connect(server, options = {}) {
  const place = { host: await server.getHost(), port: await server.getPort() };
  const socket = { ...place, reconnectStrategy: false };
  const client = createClient({ socket, ...options });
  client.on('error', () => {});
  return client.connect();
}

// Whether somebody listens on a port of this machine.
async function isOpen(port) {
  const socket = connectSocket(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const checks = {
  'starts, serves and stops': async (start) => {
    const server = await start();
    const port = await server.getPort();
    const client = await connect(server);
    await client.set('key', 'value');
    assert.equal(await client.get('key'), 'value');
    assert.equal(await server.getHost(), '127.0.0.1');
    client.destroy();
    const pid = server.getInstanceInfo().instance.getPid();
    assert.equal(await server.stop(), true);
    assert.equal(await isOpen(port), false);
    assert.equal(isAlive(pid), false);
  },

  'a conflict is seen as a WatchError': async (start) => {
    const server = await start();
    const [client, other] = [await connect(server), await connect(server)];
    await client.set('balance', '100');
    await client.watch('balance');
    await other.incrBy('balance', 5);
    await assert.rejects(client.multi().set('balance', '70').exec(), WatchError);
    await client.watch('balance');
    assert.deepEqual(await client.multi().decrBy('balance', 5).get('balance').exec(), [100, '100']);
    client.destroy();
    other.destroy();
  },

  'a second database': async (start) => {
    const server = await start();
    const [zero, one] = [await connect(server), await connect(server, { database: 1 })];
    await zero.set('key', 'zero');
    assert.equal(await one.get('key'), null);
    assert.equal(await zero.move('key', 1), 1);
    assert.equal(await one.get('key'), 'zero');
    zero.destroy();
    one.destroy();
  },

  'several at once are apart': async (start) => {
    const servers = await Promise.all([1, 2, 3, 4].map(() => start()));
    const ports = await Promise.all(servers.map((server) => server.getPort()));
    assert.equal(new Set(ports).size, servers.length);
    const clients = await Promise.all(servers.map((server) => connect(server)));
    await Promise.all(clients.map((client, index) => client.set('key', `of ${index}`)));
    for (const [index, client] of clients.entries()) {
      assert.equal(await client.get('key'), `of ${index}`);
      client.destroy();
    }
    await servers[0].stop();
    const client = await connect(servers[1]);
    assert.equal(await client.ping(), 'PONG');
    client.destroy();
  },

  'a given port': async (start) => {
    const port = await freePort();
    const server = await start({ instance: { port } });
    assert.equal(await server.getPort(), port);
    const client = await connect(server);
    assert.match(await client.info('server'), new RegExp(`\r\ntcp_port:${port}\r\n`));
    client.destroy();
  },

  'a given port that is taken': async (start) => {
    const first = await start();
    const taken = await first.getPort();
    const second = await start({ instance: { port: taken } });
    assert.notEqual(await second.getPort(), taken);
    const client = await connect(second);
    assert.equal(await client.ping(), 'PONG');
    client.destroy();
  },

  'starts again where it was, and empty': async (start) => {
    const server = await start();
    const port = await server.getPort();
    let client = await connect(server);
    await client.set('key', 'value');
    client.destroy();
    for (let round = 0; round < 3; round += 1) {
      await server.stop();
      await server.start();
      assert.equal(await server.getPort(), port);
      client = await connect(server);
      assert.equal(await client.dbSize(), 0);
      client.destroy();
    }
  },

  'args reach it, one element each or name and value in one': async (start) => {
    const args = ['--requirepass', 'se cret', '--databases', '3', '--maxmemory 10mb', '--save 60 1 '];
    const server = await start({ instance: { args } });
    await assert.rejects(connect(server), /NOAUTH/);
    await assert.rejects(connect(server, { password: 'wrong' }), /WRONGPASS/);
    const client = await connect(server, { password: 'se cret' });
    assert.deepEqual({ ...(await client.configGet(['databases', 'maxmemory', 'save'])) }, {
      databases: '3',
      maxmemory: '10485760',
      save: '60 1',
    });
    client.destroy();
  },

  'wrong args end the start': async (start) => {
    const warn = console.warn;
    console.warn = () => {};
    try {
      await assert.rejects(start({ instance: { args: ['--no-such-setting', '1'] } }), (error) =>
        /code "1"/.test(String(error)),
      );
    } finally {
      console.warn = warn;
    }
  },

  'the path of the binary as an option': async (start) => {
    const systemBinary = process.env.REDISMS_SYSTEM_BINARY;
    delete process.env.REDISMS_SYSTEM_BINARY;
    try {
      const server = await start({ binary: { systemBinary, version: '7.4.1' } });
      const client = await connect(server);
      assert.equal(await client.ping(), 'PONG');
      client.destroy();
    } finally {
      process.env.REDISMS_SYSTEM_BINARY = systemBinary;
    }
  },

  'ends when the program that started it is killed': async () => {
    const child = spawn(process.argv[0], [self, '--leave-one-behind'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(child.stdout, 'data');
    const { pid, port } = JSON.parse(line);
    assert.equal(await isOpen(port), true);
    child.kill('SIGKILL');
    while (isAlive(pid)) await sleep(50);
    assert.equal(await isOpen(port), false);
  },

  'nothing was downloaded': async () => {
    assert.deepEqual(readdirSync(process.env.REDISMS_DOWNLOAD_DIR), []);
  },
};

if (process.argv[2] === '--leave-one-behind') {
  const server = await RedisMemoryServer.create({ autoStart: true });
  const pid = server.getInstanceInfo().instance.getPid();
  console.log(JSON.stringify({ pid, port: await server.getPort() }));
  setInterval(() => {}, 1000);
} else {
  for (const [what, body] of Object.entries(checks)) await check(what, body);
  process.exit(failed === 0 ? 0 : 1);
}
