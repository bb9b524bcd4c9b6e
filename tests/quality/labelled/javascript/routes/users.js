const express = require('express');
const { exec, execFile } = require('child_process');
const fs = require('fs/promises');
const path = require('path');
const db = require('../lib/db');
const log = require('../lib/log');

const router = express.Router();
const UPLOADS = path.resolve('/srv/uploads');
const ALLOWED_PAGES = new Map([['home', '/'], ['billing', '/billing']]);

router.get('/search', async (req, res) => {
  const sql = "SELECT id, name FROM users WHERE name LIKE '%" + req.query.q + "%'";
  const { rows } = await db.query(sql);
  res.json(rows);
});

router.get('/:id', async (req, res) => {
  const { rows } = await db.query('SELECT id, name FROM users WHERE id = $1', [req.params.id]);
  res.json(rows[0] ?? null);
});

router.post('/:id/disk-usage', (req, res) => {
  exec(`du -sh /home/${req.body.login}`, { timeout: 5000 }, (err, stdout) => {
    if (err) return res.sendStatus(500);
    return res.send({ usage: stdout });
  });
});

router.get('/disk/free', (req, res) => {
  execFile('df', ['-h', '/home'], { timeout: 5000 }, (err, stdout) => {
    if (err) return res.sendStatus(500);
    return res.send({ free: stdout });
  });
});

router.get('/files/:name', async (req, res) => {
  const body = await fs.readFile(path.join(UPLOADS, req.params.name));
  res.type('application/octet-stream').send(body);
});

router.get('/avatars/:name', async (req, res) => {
  const file = path.join(UPLOADS, path.basename(req.params.name));
  const body = await fs.readFile(file);
  res.type('image/png').send(body);
});

router.get('/login/return', (req, res) => {
  res.redirect(req.query.next);
});

router.get('/go/:page', (req, res) => {
  res.redirect(ALLOWED_PAGES.get(req.params.page) ?? '/');
});

router.post('/filter', (req, res) => {
  const keep = eval('(' + req.body.rule + ')');
  res.json(req.app.locals.users.filter(keep));
});

router.post('/evaluate', (req, res) => {
  log.info('evaluate(): eval of the survey finished');
  res.sendStatus(202);
});

router.post('/session', (req, res) => {
  res.cookie('sid', req.session.id, { httpOnly: false, secure: false });
  res.sendStatus(204);
});

module.exports = router;
