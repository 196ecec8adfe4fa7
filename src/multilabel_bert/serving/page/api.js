// Requests to the server: its key, waiting when it is busy, and errors that people can read.

const KEY = "multilabel-api-key";
const MOST_WAITS = 8;
const LONGEST_WAIT_SECONDS = 30;

/** An error whose message is for people. */
export class ServerError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/**
 * Asks the server.
 *
 * @param {string} path - relative, so that the page works below any address of a proxy.
 * @param {object|null} body - sent as JSON by POST; null for GET.
 * @param {object} how - `signal` ends it, `onWait(seconds)` is told of a wait, and `askKey(again)`
 *   gives a key or null; `patient` waits without end.
 */
export async function ask(path, body, { signal, onWait, askKey, patient = false } = {}) {
  for (let waits = 0; ; ) {
    const response = await send(path, body, signal);
    if (response.ok) return answer(response);
    if (response.status === 401 && askKey) {
      const key = await askKey(stored() !== null);
      if (key === null) throw new ServerError("This server needs a key, and none was given.", 401);
      store(key);
      continue;
    }
    const busy = response.status === 429 || response.status === 503;
    if (!busy || (waits === MOST_WAITS && !patient)) throw await problem(response);
    waits += 1;
    const seconds = waitSeconds(response, waits);
    onWait?.(seconds);
    await pause(seconds, signal);
  }
}

async function send(path, body, signal) {
  const headers = body === null ? {} : { "Content-Type": "application/json" };
  const key = stored();
  if (key !== null) headers.Authorization = `Bearer ${key}`;
  try {
    const text = body === null ? undefined : JSON.stringify(body);
    return await fetch(path, { method: body === null ? "GET" : "POST", headers, body: text, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError("The server cannot be reached. Is it still running, and is there a network?");
  }
}

async function answer(response) {
  try {
    return await response.json();
  } catch {
    throw new ServerError("The answer of the server is no JSON. Is there a proxy between?");
  }
}

async function problem(response) {
  let said = "";
  try {
    said = (await response.json()).error;
  } catch {
    // A proxy's page, not the server's answer.
  }
  const message = typeof said === "string" && said ? said : `The server answered with status ${response.status}.`;
  return new ServerError(message, response.status);
}

function waitSeconds(response, waits) {
  const asked = Number(response.headers.get("Retry-After"));
  return Math.min(LONGEST_WAIT_SECONDS, asked > 0 ? asked : 2 ** (waits - 1));
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

// A tab's own storage; where that is forbidden, until the page is left.
let remembered = null;

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? remembered;
  } catch {
    return remembered;
  }
}

function store(key) {
  // A header holds no other characters; such a key cannot be right, and fetch would throw.
  const sendable = key.replace(/[^\x20-\x7e]/g, "");
  remembered = sendable;
  try {
    sessionStorage.setItem(KEY, sendable);
  } catch {
    // Remembered above.
  }
}
