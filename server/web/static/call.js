// A call from a chat: rings, asks for the microphone once somebody tapped, and lets the two browsers meet.
// The negotiation is the one that the W3C calls perfect (WebRTC, section 10.7); whoever answered is the polite one.
(() => {
  "use strict";
  const box = document.getElementById("call");
  if (!box || !window.RTCPeerConnection || !navigator.mediaDevices) return; // without HTTPS no browser has them

  const HERE_MS = 20000; // how often we tell the server that this page is still in its call
  const WAY_MS = 30000; // so long may it take until the browsers have met, first or again
  const AGAIN_MS = 1500;
  const TRIES = 5;
  const OVER = ["ended", "missed", "declined"];
  const page = [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
  const voice = document.getElementById("call-voice");
  const theirs = document.getElementById("call-theirs");
  const mine = document.getElementById("call-mine");

  let call = null; // the call in which this page is: {id, outgoing}
  let incoming = ""; // the call that rings here
  let declined = "";
  let busy = false; // between a tap and the server's word
  let local = null;
  let peer = null;
  let after = 0;
  let outbox = [];
  let sending = false;
  let received = Promise.resolve();
  let here = null;
  let deadline = null;
  let looking = null;

  function show(state, why = "") {
    box.dataset.state = state;
    box.hidden = false;
    for (const each of box.querySelectorAll("[data-when]")) each.hidden = !each.dataset.when.split(" ").includes(state);
    for (const each of box.querySelectorAll("[data-why]")) each.hidden = each.dataset.why !== why;
    if (state === "incoming" && navigator.vibrate) navigator.vibrate([400, 200, 400]);
  }

  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  async function ask(what, more = {}, tries = TRIES) {
    const body = { do: what, page, after, ...more };
    for (let left = tries; ; left -= 1) {
      try {
        const answer = await fetch(box.dataset.url, {
          method: "POST",
          credentials: "same-origin",
          keepalive: what === "hang_up",
          headers: { "Content-Type": "application/json", "X-CSRF-Token": box.dataset.csrf },
          body: JSON.stringify(body),
        });
        if (answer.ok) return await answer.json();
        if (answer.status < 500 || left <= 1) throw Object.assign(new Error("refused"), { status: answer.status });
      } catch (error) {
        if (error.status || left <= 1) throw error; // otherwise the network was away
      }
      await wait(AGAIN_MS);
    }
  }

  // One look at a time; a notice that comes meanwhile is followed by one more.
  function look() {
    if (looking) { looking.again = true; return; }
    looking = { again: false };
    ask("look", {}, 1).then(take, () => {}).finally(() => {
      const { again } = looking;
      looking = null;
      if (again) look();
    });
  }

  function take(now) {
    const seen = now.call;
    if (call === null) {
      if (busy) return;
      if (seen && seen.state === "ringing" && !seen.outgoing && seen.id !== declined) {
        if (incoming !== seen.id) { incoming = seen.id; show("incoming"); }
      } else if (incoming) {
        incoming = "";
        show("idle", seen && seen.state === "accepted" ? "elsewhere" : "");
      }
      return;
    }
    if (!seen || seen.id !== call.id || OVER.includes(seen.state)) { leave(seen && call.outgoing ? seen.state : "ended"); return; }
    if (seen.state !== "accepted" || !seen.ours) return;
    if (peer === null) connect(now.ice);
    for (const each of now.signals) {
      if (each.number <= after) continue;
      after = each.number;
      const current = peer;
      received = received.then(() => current.hear(each.body)).catch((error) => console.warn("call:", error.name));
    }
  }

  // ---- The connection ------------------------------------------------------------------------------------------
  function connect(iceServers) {
    const pc = new RTCPeerConnection({ iceServers });
    const polite = !call.outgoing;
    let making = false;
    let ignoring = false;
    let settling = false; // an answer is being applied
    pc.hear = async ({ description, candidate }) => {
      if (pc.signalingState === "closed") return;
      if (description) {
        const ready = !making && (pc.signalingState === "stable" || settling);
        const collision = description.type === "offer" && !ready;
        ignoring = !polite && collision;
        if (ignoring) return;
        settling = description.type === "answer";
        try {
          await pc.setRemoteDescription(description);
        } finally {
          settling = false;
        }
        if (description.type === "offer") {
          await pc.setLocalDescription();
          tell({ description: pc.localDescription });
        }
      } else if (candidate) {
        try {
          await pc.addIceCandidate(candidate);
        } catch (error) {
          if (!ignoring) throw error;
        }
      }
    };
    pc.onnegotiationneeded = async () => {
      try {
        making = true;
        await pc.setLocalDescription();
        tell({ description: pc.localDescription });
      } catch (error) {
        console.warn("call:", error.name);
      } finally {
        making = false;
      }
    };
    pc.onicecandidate = ({ candidate }) => { if (candidate && candidate.candidate) tell({ candidate }); };
    pc.oniceconnectionstatechange = () => { if (pc.iceConnectionState === "failed") pc.restartIce(); };
    pc.onconnectionstatechange = () => {
      if (pc !== peer) return;
      if (pc.connectionState === "connected") {
        stopWaiting();
        pc.met = true;
        show("talking");
      } else if (["disconnected", "failed"].includes(pc.connectionState)) {
        show("connecting");
        giveUpLater();
      }
    };
    pc.ontrack = ({ track, streams }) => {
      const [stream] = streams;
      if (!stream) return;
      if (track.kind === "audio") { voice.srcObject = stream; return; }
      theirs.srcObject = stream;
      const settle = () => picture(theirs, stream.getVideoTracks().some((each) => !each.muted));
      stream.onremovetrack = settle;
      track.onmute = track.onunmute = settle;
      settle();
    };
    peer = pc;
    for (const track of local.getTracks()) pc.addTrack(track, local);
    show("connecting");
    giveUpLater();
  }

  function tell(signal) {
    outbox.push(JSON.parse(JSON.stringify(signal)));
    if (!sending) flush();
  }

  async function flush() {
    sending = true;
    const current = call;
    try {
      while (call === current && outbox.length) {
        const signals = outbox.splice(0, 20).map(fit);
        const now = await ask("signal", { call: current.id, signals });
        if (call === current) take(now);
      }
    } catch {
      if (call === current) hangUp("lost");
    } finally {
      sending = false;
    }
  }

  // Browsers add fields of their own; the server takes those of the standard.
  function fit({ description, candidate }) {
    if (description) return { description: { type: description.type, sdp: description.sdp } };
    const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
    return { candidate: { candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment } };
  }

  function giveUpLater() {
    if (deadline !== null) return;
    deadline = setTimeout(() => hangUp(peer && peer.met ? "lost" : "no_way"), WAY_MS);
  }

  function stopWaiting() {
    clearTimeout(deadline);
    deadline = null;
  }

  // ---- Microphone, camera, pictures ----------------------------------------------------------------------------
  function picture(video, there) {
    video.hidden = !there;
    video.parentElement.hidden = theirs.hidden && mine.hidden;
  }

  const NAMES = { NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "none", OverconstrainedError: "none" };

  async function listen() {
    try {
      local = await navigator.mediaDevices.getUserMedia({ audio: true });
      return true;
    } catch (error) {
      show("idle", NAMES[error.name] || "busy");
      return false;
    }
  }

  function mute(button) {
    const [track] = local.getAudioTracks();
    track.enabled = !track.enabled;
    button.setAttribute("aria-pressed", String(!track.enabled));
  }

  async function camera(button) {
    const current = peer;
    const [before] = local.getVideoTracks();
    button.disabled = true;
    try {
      if (before) {
        before.stop();
        local.removeTrack(before);
        const sender = current.getSenders().find((each) => each.track === before);
        if (sender) current.removeTrack(sender);
      } else {
        const found = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 640 } } });
        const [track] = found.getVideoTracks();
        if (current !== peer || current.signalingState === "closed") { track.stop(); return; }
        local.addTrack(track);
        current.addTrack(track, local);
        mine.srcObject = local;
      }
    } catch {
      if (current === peer) show(box.dataset.state, "camera");
    } finally {
      button.disabled = false;
    }
    const on = local !== null && local.getVideoTracks().length > 0;
    button.setAttribute("aria-pressed", String(on));
    picture(mine, on);
  }

  // ---- Beginning and ending ------------------------------------------------------------------------------------
  function enter(seen) {
    call = { id: seen.id, outgoing: seen.outgoing };
    after = 0;
    outbox = [];
    received = Promise.resolve();
    here = setInterval(() => ask("here", { call: call.id }, 1).then(take, () => {}), HERE_MS);
    show(call.outgoing ? "calling" : "connecting");
  }

  // `begin` says what the server is asked for once there is a microphone.
  async function begin(what, more) {
    if (busy || call) return;
    busy = true;
    show("asking");
    let left = "";
    try {
      if (!await listen()) return;
      if (!busy) { silence(); return; } // hung up while the browser asked
      const now = await ask(what, more);
      if (!busy) { left = now.call.id; return; }
      enter(now.call);
      take(now);
    } catch (error) {
      silence();
      show("idle", { 409: "elsewhere", 404: "elsewhere", 429: "often" }[error.status] || "lost");
    } finally {
      busy = false;
      incoming = "";
      if (left) { silence(); ask("hang_up", { call: left }).catch(() => {}); }
      if (!call) look();
    }
  }

  function silence() {
    if (local) for (const track of local.getTracks()) track.stop();
    local = null;
  }

  function leave(why) {
    clearInterval(here);
    stopWaiting();
    if (peer) peer.close();
    silence();
    call = peer = null;
    after = 0;
    for (const each of [voice, theirs, mine]) each.srcObject = null;
    picture(theirs, false);
    picture(mine, false);
    for (const each of box.querySelectorAll("[aria-pressed]")) each.setAttribute("aria-pressed", "false");
    show("idle", why);
  }

  function hangUp(why) {
    if (call === null) { // the browser still asks for the microphone, or the server was not told yet
      busy = false;
      silence();
      show("idle");
      return;
    }
    const { id } = call;
    leave(why);
    ask("hang_up", { call: id }).catch(() => {});
  }

  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    switch (button.dataset.do) {
      case "start": begin("start", {}); break;
      case "answer": begin("answer", { call: incoming }); break;
      case "decline":
        declined = incoming;
        incoming = "";
        show("idle");
        ask("decline", { call: declined }).catch(() => {});
        break;
      case "mute": if (local) mute(button); break;
      case "camera": if (local && peer) camera(button); break;
      case "hang_up": hangUp("ended"); break;
    }
  });
  window.addEventListener("pagehide", () => { if (call) hangUp("ended"); });

  // The page's stream tells of calls as well; the conversation is named, for staff hear of all.
  const source = htmx.createEventSource;
  htmx.createEventSource = (url) => {
    const made = source(url);
    made.addEventListener("call", (event) => { if (event.data === box.dataset.about) look(); });
    return made;
  };
  document.body.addEventListener("genkan:refresh", look);
  show("idle");
  look();
})();
