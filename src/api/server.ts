/** The HTTP server: routes, auth, errors, metrics and the live feed on one fastify instance. */
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type RouteOptions,
} from 'fastify';
import { onTakeOver } from '../config/live-config.js';
import {
  CONNECTION_CHECK_MS,
  HEADERS_MS_MAX,
  KEEP_ALIVE_MS,
  REQUEST_MS_MAX,
  SHUTDOWN_MS,
} from '../domain/limits.js';
import type { ProblemCode, Refusal } from '../domain/problems.js';
import { boundAnswers } from './answer-bound.js';
import { isSmallBody, readSmallBody, SMALL_BODY, watchUnfinishedBodies } from './bodies.js';
import { createConnections } from './connections.js';
import type { ApiContext, ServerDeps } from './context.js';
import { answerClientError, createErrorHandler, sendProblem } from './errors.js';
import { NOBODY_ASKED, restrict } from './guards/access.js';
import { createPasswordGate, type Guard, requirePassword } from './guards/auth.js';
import { crossSite, embedded, foreignHost, hostMissing, hostTwice } from './guards/browser-guards.js';
import { createClientAddress } from './guards/client-address.js';
import { createCors } from './guards/cors.js';
import { createPace, refuseAtPace } from './guards/pace.js';
import { createReaders } from './guards/readers.js';
import { createNoteAnswer } from './ingest-answers.js';
import { createPlaces } from './live/places.js';
import { createStreamHub } from './live/stream.js';
import { createMetrics } from './metrics.js';
import type { DescribedRoute } from './openapi.js';
import { createDashboard } from './pages/dashboard.js';
import { docsRoutes } from './pages/docs.js';
import { createFallback, pathOf } from './pages/fallback.js';
import { createForeign } from './pages/foreign.js';
import { parseQueryString } from './query-string.js';
import { createRequestIds, REQUEST_ID } from './request-id.js';
import { chunkRoute } from './routes/chunk.js';
import { eraseRoute } from './routes/erase.js';
import { eventsIngestRoute } from './routes/ingest.js';
import { healthRoutes, operatorRoutes } from './routes/operator.js';
import { questionRoutes } from './routes/questions.js';
import { replayUploadRoute } from './routes/replay.js';
import { sdkRoute } from './routes/sdk.js';
import { streamRoute } from './routes/stream.js';
import { createWatchings } from './watchings.js';

export { DASHBOARD_DIR } from './pages/dashboard.js';

/**
 * Builds the server, ready to `listen`. `close()` ends the streams, accepts no new requests and gives the
 * others `SHUTDOWN_MS` to finish; it does not close the store.
 */
export async function createServer(deps: ServerDeps): Promise<FastifyInstance> {
  const context = createContext(deps);
  const onError = createErrorHandler(deps.log);
  const dashboard = createDashboard(deps.dashboardDir);
  const fallback = createFallback(dashboard.sendPage, createForeign(deps.log));
  const app = createApp(onError, fallback);
  context.connections.watch(app.server);
  // An unknown expectation may be ignored (RFC 9110, 10.1.1); node would answer with a bare 417.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.decorateRequest('access');
  app.setErrorHandler(onError);
  const guard = createGuard(context);
  app.addHook('onRoute', fallback.note);
  const described: DescribedRoute[] = [];
  app.addHook('onRoute', (route) => noteDescribed(described, route));
  await app.register(async (scope) => {
    prepareIngest(scope, context);
    eventsIngestRoute(scope, context);
    replayUploadRoute(scope, context);
  });
  // A sibling scope: hooks of the server itself would run on the hot path too.
  await app.register(async (others) => {
    others.removeAllContentTypeParsers();
    // Bodies are not read here.
    others.addContentTypeParser('*', (_request, _payload, done) => done(null));
    others.addHook('onRequest', (request, reply, done) => {
      reply.header(REQUEST_ID, request.id);
      setBodyType(request, BYTES);
      goOn(hostMissing(request), reply, done);
    });
    observe(others, context);
    await others.register(async (scope) => {
      guardHeaders(scope);
      healthRoutes(scope, context);
      sdkRoute(scope);
    });
    await others.register(async (scope) => {
      scope.addHook('onRequest', guard);
      guardHeaders(scope);
      addGuardedRoutes(scope, context);
      docsRoutes(scope, context.version, () => described);
      dashboard.routes(scope);
    });
    others.setNotFoundHandler(
      {
        preHandler: (request, reply, done) =>
          isOpen(request) || fallback.isForeign(pathOf(request)) ? done() : guard(request, reply, done),
      },
      fallback.answer,
    );
  });
  closeInTime(app, context);
  await app.ready();
  return app;
}

function createApp(
  onError: ReturnType<typeof createErrorHandler>,
  fallback: ReturnType<typeof createFallback>,
): FastifyInstance {
  // Without a logger: fastify would make a child logger for every request.
  return fastify({
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: HEADERS_MS_MAX,
      connectionsCheckingInterval: CONNECTION_CHECK_MS,
      requireHostHeader: false,
    },
    return503OnClosing: false,
    genReqId: createRequestIds(),
    schemaController: NO_COMPILERS,
    clientErrorHandler: answerClientError,
    // A path that cannot be decoded.
    frameworkErrors: (error, request, reply) =>
      fallback.isForeign(pathOf(request)) ? fallback.answer(request, reply) : onError(error, request, reply),
    // A longer parameter is a 404 like any other unknown path.
    routerOptions: { maxParamLength: MAX_HEADER_BYTES, querystringParser: parseQueryString },
  });
}

/** Keeps fastify from loading ajv, a third of its start: handlers validate with zod. */
const NO_COMPILERS = {
  compilersFactory: { buildValidator: neverCalled, buildSerializer: neverCalled },
};

function neverCalled(): never {
  throw new Error('no route has a fastify schema');
}

function noteDescribed(described: DescribedRoute[], { method, url, config }: RouteOptions): void {
  const { access, describe } = config ?? {};
  if (describe === undefined || typeof method !== 'string' || method === 'HEAD') return;
  described.push({ method, path: url, describe, ...(access && { access }) });
}

const BYTES = 'application/octet-stream';
/** Node's limit for the request line and headers. */
const MAX_HEADER_BYTES = 16_384;
/** How often a closing server closes idle connections. */
const CLOSE_IDLE_MS = 100;

/** Paths that need no password. */
const OPEN_PATHS = /^\/(v1\/events|v1\/replay|healthz|readyz|sdk\/.*)$/;

function isOpen(request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' || OPEN_PATHS.test(pathOf(request));
}

function createContext(deps: ServerDeps): ApiContext {
  const { config, store, log, ready } = deps;
  let failed = false;
  store.failed.then((reason) => {
    failed = true;
    log.fatal({ err: reason }, 'a commit failed: the collector accepts nothing until it is started again');
  });
  const hasFailed = () => failed;
  const stream = createStreamHub({ store, log });
  onTakeOver(config, stream.review);
  const connections = createConnections(log);
  const watchings = createWatchings(deps.audit, deps.disk);
  const pace = createPace();
  const clientAddress = createClientAddress(config.trusted_proxies ?? []);
  const metrics = createMetrics({
    ...deps,
    hasFailed,
    streamReaders: stream.followers,
    watchings,
    connections,
  });
  return {
    ...deps,
    cors: createCors(config),
    readers: createReaders(config),
    clientAddress,
    pace,
    refuse: refuseAtPace(pace, clientAddress),
    metrics,
    noteAnswer: createNoteAnswer(metrics, log),
    stream,
    places: createPlaces(),
    watchings,
    isReady: () => !failed && ready() && store.reads().down === undefined,
    connections,
    hasFailed,
  };
}

/** Ends a hook: lets the request go on, or answers with the refusal. */
function goOn(refusal: Refusal | undefined, reply: FastifyReply, done: () => void): void {
  if (refusal === undefined) done();
  else sendProblem(reply, refusal);
}

/** Keeps other sites out, asks for a password where one is set, and checks what the reader may ask. */
function createGuard({ config, readers, clientAddress }: ApiContext): Guard {
  const askPassword = requirePassword(createPasswordGate(readers.opens), clientAddress);
  return (request, reply, done) => {
    const refusal =
      hostTwice(request) ?? foreignHost(request, config) ?? crossSite(request) ?? embedded(request);
    const letIn = () => goOn(restrict(request), reply, done);
    if (refusal !== undefined) {
      sendProblem(reply, refusal);
    } else if (readers.isClosed()) {
      askPassword(request, reply, letIn);
    } else {
      request.access = NOBODY_ASKED;
      letIn();
    }
  };
}

/** Replaces the client's content type, which must not make fastify refuse the body. */
function setBodyType(request: FastifyRequest, type: string): void {
  const { headers } = request.raw;
  if (headers['content-type'] !== undefined) headers['content-type'] = type;
}

/** Prepares a scope that takes data in: bodies as bytes, CORS, answers counted. */
function prepareIngest(scope: FastifyInstance, { config, cors, log, noteAnswer, refuse }: ApiContext): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser([BYTES, '*'], { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  scope.addContentTypeParser(SMALL_BODY, (_request, body, done) => readSmallBody(body, done));
  const { body_bytes, chunk_bytes } = config.limits;
  const smallBytesMax = Math.min(body_bytes, chunk_bytes);
  scope.addHook('onRequest', (request, reply, done) => {
    cors.answerOrigin(request, reply);
    // Only for clients that chose an id: one header less on the hot path.
    if (request.raw.headers[REQUEST_ID] !== undefined) reply.header(REQUEST_ID, request.id);
    setBodyType(request, isSmallBody(request.raw, smallBytesMax) ? SMALL_BODY : BYTES);
    goOn(hostMissing(request), reply, done);
  });
  const watchBody = watchUnfinishedBodies();
  scope.addHook('preParsing', (request, _reply, _payload, done) => {
    watchBody(request.raw);
    done();
  });
  const note = (reply: FastifyReply, code: ProblemCode): void => {
    const route = reply.request.routeOptions.url === '/v1/events' ? 'events' : 'replay';
    noteAnswer(route, reply, performance.now() - reply.elapsedTime, code);
  };
  scope.setErrorHandler(createErrorHandler(log, note, refuse));
  for (const url of ['/v1/events', '/v1/replay']) scope.options(url, cors.preflight);
}

/** The routes that need a password. */
function addGuardedRoutes(scope: FastifyInstance, context: ApiContext): void {
  scope.addHook('onSend', boundAnswers(context.log));
  questionRoutes(scope, context);
  chunkRoute(scope, context);
  streamRoute(scope, context);
  operatorRoutes(scope, context);
  eraseRoute(scope, context);
}

/** Headers of every answer but those of the ingest routes. */
function guardHeaders(scope: FastifyInstance): void {
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'no-referrer');
    // No other site's page may load it as a picture or a script.
    reply.header('cross-origin-resource-policy', 'same-origin');
    reply.header('cache-control', 'no-store');
    done();
  });
}

const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);

/**
 * Times and logs every answer but those of the ingest routes. The log has the route's pattern, since paths
 * and queries hold the ids of users and sessions.
 */
function observe(app: FastifyInstance, { metrics, log }: ApiContext): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { id: reqId, access } = request;
    const route = request.routeOptions.url ?? 'unknown';
    const method = KNOWN_METHODS.has(request.method) ? request.method : 'other';
    const { statusCode: status, elapsedTime } = reply;
    // A stream ends when its reader leaves, which measures nothing.
    if (route !== '/v1/stream') metrics.observeRequest(route, method, status, elapsedTime / 1_000);
    const line = { reqId, method, route, status, ms: Math.round(elapsedTime * 10) / 10, role: access?.role };
    log[levelOf(route, status)](line, 'answered');
    done();
  });
}

/** Only the API's own answers are info: probes, scrapes and files come all the time. */
function levelOf(route: string, status: number): 'warn' | 'info' | 'debug' {
  if (status >= 500) return 'warn';
  return route.startsWith('/v1/') ? 'info' : 'debug';
}

/** Closes the streams at once, connections as they become idle, and the rest after `SHUTDOWN_MS`. */
function closeInTime(app: FastifyInstance, { stream, pace }: ApiContext): void {
  const { server } = app;
  app.addHook('preClose', (done) => {
    stream.close();
    pace.close();
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MS).unref();
    const last = setTimeout(() => server.closeAllConnections(), SHUTDOWN_MS).unref();
    server.once('close', () => {
      clearInterval(idle);
      clearTimeout(last);
    });
    done();
  });
}
