// Keeps in the phone what the pass needs without a network: the key, the credential, and how far the clock is off.

const STORE = "passes";
const P256 = { name: "ECDSA", namedCurve: "P-256" };

// Why a phone cannot keep a key; the page has a sentence for each.
export const NO_KEY = Object.freeze({ INSECURE: "insecure", UNABLE: "unable", REFUSED: "refused" });

// Opens the store. Without one everything still works while the page is open: then `lasting` is false.
export async function openStore() {
  try {
    return lasting(await request(opened()));
  } catch {
    return passing();
  }
}

function opened() {
  const opening = indexedDB.open("genkan-pass", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return opening;
}

function lasting(database) {
  const objects = (mode) => database.transaction(STORE, mode).objectStore(STORE);
  return {
    lasting: true,
    read: async (id) => (await request(objects("readonly").get(id))) ?? {},
    write: (id, record) =>
      new Promise((done, failed) => {
        const store = objects("readwrite");
        store.transaction.oncomplete = done;
        store.transaction.onabort = store.transaction.onerror = () => failed(store.transaction.error);
        store.put(record, id); // refuses by throwing where the browser cannot store a key
      }),
  };
}

function passing() {
  const kept = new Map();
  return {
    lasting: false,
    read: async (id) => kept.get(id) ?? {},
    write: async (id, record) => void kept.set(id, record),
  };
}

function request(asked) {
  return new Promise((done, failed) => {
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
    asked.onblocked = () => failed(new Error("blocked"));
  });
}

// Why this phone cannot keep a key, or null. It is tried out: some browsers offer all of it and then refuse.
export async function whyNoKey(store) {
  if (!window.isSecureContext) return NO_KEY.INSECURE;
  if (!window.crypto?.subtle) return NO_KEY.UNABLE;
  if (!store.lasting) return NO_KEY.REFUSED;
  try {
    await store.write("trial", { key: (await makeKey()).key });
    const { key } = await store.read("trial");
    await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, new Uint8Array(1));
    await store.write("trial", {});
    return null;
  } catch {
    return NO_KEY.REFUSED;
  }
}

// A new key. Its private part cannot be read out, not even by this page; `jwk` is the public part.
export async function makeKey() {
  const pair = await crypto.subtle.generateKey(P256, false, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { key: pair.privateKey, jwk: { kty, crv, x, y } };
}

// The public key as the server names it: the compressed point in Base64url (SEC 1, 2.3.3).
export function pointOf(jwk) {
  const odd = bytesOf(jwk.y)[31] & 1;
  return base64url([2 + odd, ...bytesOf(jwk.x)]);
}

export function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
