# The collector in a container: built in one stage, and of that the next one takes only what runs. It writes to /data alone, so
# its root file system can be read-only; compose.yaml runs it that way, docs/deploy.md says how to set it up.

FROM node:22-slim AS build
WORKDIR /app
COPY . .
RUN npm run build
RUN npm prune --omit=dev && rm -rf node_modules/@spyglass

FROM node:22-slim
WORKDIR /app
ENV NODE_ENV=production
# The memory of large answers goes back to the system once it is free.
ENV MALLOC_MMAP_THRESHOLD_=262144
COPY --from=build /app/package.json ./package.json
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir -m 700 /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 7474
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7474/healthz').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--single-threaded-gc", "--max-semi-space-size=4", "--max-old-space-size=320", "dist/src/cli/main.js"]
CMD ["serve", "--quiet", "--config", "/config/spyglass.config.json"]
