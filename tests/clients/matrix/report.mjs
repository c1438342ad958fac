// What the JavaScript programs of the matrix share: the command line, named checks, and values that
// must be equal in kind too. A program is called with PORT GUARDED_PORT PASSWORD PROTOCOL; server.sh
// says what these are, and what a program prints.

import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, isDeepStrictEqual, promisify } from 'node:util';

export const HOST = '127.0.0.1';
export const PORT = Number(process.argv[2]);
export const GUARDED_PORT = Number(process.argv[3]);
export const PASSWORD = process.argv[4];
export const PROTOCOL = process.argv[5] === 'default' ? undefined : Number(process.argv[5]);
export const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const PATIENCE = 30_000; // milliseconds for one check

const checks = [];
const opened = [];

/** Something is not as it must be. */
class Wrong extends Error {}

/** This client, or the server's version, does not know what is to be checked. */
export class NotPossible extends Error {}

/** Adds a check; it fails by any exception, or by taking too long. */
export function check(name, action) {
    checks.push([name, action]);
}

/** Has something called when the check ends, well or not; the last one first. */
export function atTheEnd(close) {
    opened.push(close);
}

/** Values must be equal and of the same types, down to the elements and the prototypes. */
export function equal(what, found, expected) {
    if (!isDeepStrictEqual(found, expected)) {
        throw new Wrong(`${what}: ${shown(found)} instead of ${shown(expected)}`);
    }
}

export function holds(what, truth) {
    if (!truth) throw new Wrong(`not so: ${what}`);
}

/** Waits for the error in which a promise ends: its class by name, and a part of its text. */
export async function raises(what, promise, kind, text) {
    let found;
    try {
        found = await promise;
    } catch (error) {
        if ([error.name, error.constructor.name].includes(kind) && error.message.includes(text)) return error;
        throw new Wrong(`${what}: ${error.constructor.name}: ${error.message} instead of ${kind} with "${text}"`);
    }
    throw new Wrong(`${what}: ${shown(found)} instead of ${kind}`);
}

/** Repeats an action until it returns the expected value; for what another connection brings about. */
export async function eventually(what, action, expected) {
    const end = Date.now() + 10_000;
    for (;;) {
        const found = await action();
        if (isDeepStrictEqual(found, expected)) return;
        if (Date.now() > end) throw new Wrong(`${what}: still ${shown(found)} instead of ${shown(expected)}`);
        await sleep(10);
    }
}

/** What events bring, one after another. */
export class Mailbox {
    #came = [];
    #wake = () => {};

    /** A listener that keeps its arguments, behind a name for them. */
    put = name => (...values) => {
        this.#came.push([name, ...values]);
        this.#wake();
    };

    async next() {
        if (this.#came.length === 0) {
            const waiting = new Promise(resolve => (this.#wake = resolve));
            await Promise.race([waiting, sleep(10_000, null, { ref: false })]);
        }
        if (this.#came.length === 0) throw new Wrong('no message comes');
        return this.#came.shift();
    }
}

/** 100 for what is left of 100 seconds after less than ten; other numbers as they are. */
export function whole(seconds) {
    return seconds > 90 && seconds < 100 ? 100 : seconds;
}

export function numbers(count) {
    return Array.from({ length: count }, (_, number) => number);
}

/** Whether the server whose INFO this is has at least this version. */
export function isSince(info, major, minor) {
    const [, found, minorFound] = /redis_version:(\d+)\.(\d+)/.exec(info).map(Number);
    return found > major || (found === major && minorFound >= minor);
}

/** Has the server at PORT killed and started again; it has lost all keys. */
export async function restart() {
    await promisify(execFile)(process.env.RESTART, { timeout: PATIENCE });
}

function shown(value) {
    return inspect(value, { breakLength: Infinity, depth: 5 }).slice(0, 500);
}

async function tooLate() {
    await sleep(PATIENCE, null, { ref: false });
    throw new Wrong(`it takes more than ${PATIENCE / 1000} s`);
}

/** Runs all checks in the order in which they were written, and ends the program. */
export async function run() {
    let failed = false;
    // An error that no check waits for is a failure of the one that runs.
    let astray;
    process.on('unhandledRejection', error => (astray ??= error));
    process.on('uncaughtException', error => (astray ??= error));
    for (const [name, action] of checks) {
        const began = Date.now();
        astray = undefined;
        try {
            await Promise.race([action(), tooLate()]);
            while (opened.length > 0) await opened.pop()();
            if (astray !== undefined) throw astray;
            console.log(`ok: ${name}`);
        } catch (error) {
            if (error instanceof NotPossible) {
                console.log(`none: ${name}: ${error.message}`);
            } else {
                failed = true;
                const took = ((Date.now() - began) / 1000).toFixed(1);
                // A reply's error may have been made where nothing of the program is on the stack.
                const line = /\/(\w+\.mjs:\d+):\d+\)?$/m.exec(error.stack?.replace(/^.*report\.mjs.*$/gm, ''))?.[1];
                const text = String(error).replaceAll('\n', ' ');
                console.log(`FAILED: ${name}: ${text} (${line ?? 'a reply'}, after ${took} s)`);
            }
        }
        while (opened.length > 0) await opened.pop()();
    }
    process.exit(failed ? 1 : 0);
}
