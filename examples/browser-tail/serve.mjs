// Serves the page beside it, from an origin of its own, and nothing else.
//
//   npx millrace serve --cors-origin http://127.0.0.1:8080
//   node examples/browser-tail/serve.mjs
//
// PORT takes another port, 0 a free one. The server must allow the origin that this prints.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'

const PAGE = new URL('index.html', import.meta.url)

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  if (pathname !== '/') return response.writeHead(404).end()
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(await readFile(PAGE))
})

server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
