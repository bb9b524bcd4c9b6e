// A mail server for tests: prints its port, then each mail as a line of JSON.
//
//   node tests/browser/inbox.mjs

import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(import.meta.dirname, "../node/x.js"));
const { SMTPServer } = require("smtp-server");
const { simpleParser } = require("mailparser");

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS"],
  async onData(stream, _session, done) {
    const mail = await simpleParser(stream);
    console.log(JSON.stringify({ to: mail.to.text, subject: mail.subject, text: mail.text, html: mail.html }));
    done();
  },
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.server.address().port })));
