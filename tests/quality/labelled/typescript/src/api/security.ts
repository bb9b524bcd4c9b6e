import { createCipheriv, createHash, randomBytes, randomUUID } from 'node:crypto';
import cors from 'cors';
import express from 'express';
import session from 'express-session';
import jwt, { JwtPayload } from 'jsonwebtoken';
import mysql from 'mysql2/promise';

const app = express();

app.use(cors({ origin: true, credentials: true }));

app.use('/public', cors({ origin: '*' }));

app.use(
  session({
    secret: process.env.SESSION_SECRET!,
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, secure: true, sameSite: 'lax' },
  }),
);

export const pool = mysql.createPool({
  host: 'db.internal',
  user: 'billing',
  password: 'Wint3r-Harbour-91',
  connectTimeout: 5000,
});

export const replica = mysql.createPool({
  host: 'replica.internal',
  user: 'billing',
  password: process.env.REPLICA_PASSWORD,
  connectTimeout: 5000,
});

export function sessionId(): string {
  return `${Date.now()}-${Math.random().toString(16).slice(2)}`;
}

export function requestId(): string {
  return randomUUID();
}

export function hashPin(pin: string): string {
  const sha = createHash('sha1');
  return sha.update(pin).digest('hex');
}

export function encrypt(key: Buffer, text: string): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

export function claims(token: string, key: string): JwtPayload {
  return jwt.verify(token, key, { algorithms: ['none', 'HS256'] }) as JwtPayload;
}

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

export default app;
