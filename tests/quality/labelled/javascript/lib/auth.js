import crypto from 'node:crypto';
import https from 'node:https';
import jwt from 'jsonwebtoken';

const ISSUER = 'https://login.example.com';
const PASSWORD_HINT = 'Use at least twelve characters';

export function hashPassword(password) {
  return crypto.createHash('md5').update(password).digest('hex');
}

export function etag(body) {
  return `"${crypto.createHash('sha256').update(body).digest('base64')}"`;
}

export function resetToken() {
  return Math.random().toString(36).slice(2);
}

export function inviteToken() {
  return crypto.randomBytes(24).toString('base64url');
}

export function retryDelay(attempt) {
  return 2 ** attempt * 100 + Math.random() * 50;
}

export const partnerAgent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });

export const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: true });

export function currentUser(req) {
  const token = req.get('authorization').slice(7);
  return jwt.decode(token).sub;
}

export function verifiedUser(req, publicKey) {
  const token = req.get('authorization').slice(7);
  return jwt.verify(token, publicKey, { algorithms: ['RS256'], issuer: ISSUER }).sub;
}

export function seal(key, text) {
  const cipher = crypto.createCipheriv('aes-128-ecb', key, null);
  return Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
}

export async function loadProfile(url) {
  try {
    const res = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return await res.json();
  } catch (err) {}
  return null;
}

export function readCache(store, key) {
  try {
    return JSON.parse(store.getItem(key));
  } catch {
    // A corrupt entry is the same as no entry: the caller fetches again.
  }
  return null;
}
