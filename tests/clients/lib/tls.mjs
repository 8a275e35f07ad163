// TLS before the server, as it is in front of every installation.
import { readFileSync } from 'node:fs';
import { request as ask } from 'node:http';
import { createServer } from 'node:https';

/// Answers at `issuer` what `upstream` answers, and notes every request.
export async function front({ issuer, upstream, key, cert }) {
  const requests = [];
  const tls = { key: readFileSync(key), cert: readFileSync(cert) };
  const server = createServer(tls, async (incoming, outgoing) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method, url } = incoming;
    const headers = { ...incoming.headers, 'x-forwarded-for': '203.0.113.9' };
    const onward = ask(upstream + url, { method, headers }, (answer) => {
      requests.push({ method, url, headers, status: answer.statusCode });
      outgoing.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.end(Buffer.concat(chunks));
  });
  await new Promise((ready) => server.listen(Number(new URL(issuer).port), '127.0.0.1', ready));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { requests, close };
}
