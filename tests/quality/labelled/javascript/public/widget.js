import DOMPurify from 'dompurify';

const MOUNT = document.getElementById('comments');
const TRUSTED = 'https://host.example.com';

export function showGreeting() {
  const name = decodeURIComponent(location.hash.slice(1));
  MOUNT.innerHTML = '<h2>Hello ' + name + '</h2>';
}

export function clear() {
  MOUNT.innerHTML = '';
}

export function showBio(html) {
  MOUNT.innerHTML = DOMPurify.sanitize(html);
}

export function showTitle(title) {
  MOUNT.textContent = title;
}

export function announce(session) {
  window.parent.postMessage({ type: 'session', session }, '*');
}

export function announceHeight(height) {
  window.parent.postMessage({ type: 'height', height }, TRUSTED);
}

export function later(handler) {
  setTimeout("refresh('" + handler + "')", 500);
}

export function soon(handler) {
  setTimeout(() => handler('refresh'), 500);
}

export function average(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (mean === NaN) {
    return 0;
  }
  return mean;
}

export function isNumeric(value) {
  return typeof value === 'number' && !Number.isNaN(value);
}

export function isHandler(value) {
  return typeof value === 'fucntion';
}

export function selectRow(row) {
  if (row.selected = true) {
    row.classList.add('selected');
  }
}

export function lines(text) {
  const re = /[^\n]+/g;
  const out = [];
  let match;
  while ((match = re.exec(text)) !== null) {
    out.push(match[0]);
  }
  return out;
}
