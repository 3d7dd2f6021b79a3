// Subscribes this browser to Web Push with the server's key (RFC 8292), and hands the server the subscription.
export async function subscribe(registration, { key, subscribe: address, csrf }) {
  const answer = await fetch(key);
  if (!answer.ok) throw new Error("no key");
  const wanted = bytes((await answer.text()).trim());
  let subscription = await registration.pushManager.getSubscription();
  if (subscription && !same(subscription.options.applicationServerKey, wanted)) {
    await subscription.unsubscribe(); // it belongs to a key that the server has no longer
    subscription = null;
  }
  subscription ||= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted });
  const kept = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(subscription),
  });
  if (!kept.ok) throw new Error("not kept");
}

function bytes(base64url) {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function same(buffer, wanted) {
  if (!buffer) return false;
  const found = new Uint8Array(buffer);
  return found.length === wanted.length && found.every((value, index) => value === wanted[index]);
}
