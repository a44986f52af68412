# make image builds this with the version and the commit of the checkout.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
# SQLite is C: the binary is linked statically so that it runs in an image without a C library.
RUN CGO_ENABLED=1 go build -trimpath -tags 'netgo osusergo sqlite_omit_load_extension' \
        -ldflags "-s -w -linkmode external -extldflags '-static' -X main.buildVersion=${VERSION} -X main.buildCommit=${COMMIT}" \
        -o /slipway ./cmd/slipway && \
    mkdir /image && mkdir -m 700 /image/data

FROM scratch
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Slipway" \
      org.opencontainers.image.description="Repository server for npm, Python and Maven packages, OCI images and files" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# The modules' licenses are in the binary ("slipway licenses"); these are of the C library.
COPY --from=build /usr/share/doc/libc6/copyright /usr/share/common-licenses/LGPL-2.1 /licenses/libc6/
COPY --from=build /slipway /slipway
# As a folder in what is copied, /data keeps its mode with buildah too; copied by itself, buildah makes it 755.
COPY --from=build --chown=65532:65532 /image/ /
USER 65532:65532
ENV SLIPWAY_DATA=/data SLIPWAY_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/slipway", "health", "--live"]
ENTRYPOINT ["/slipway"]
CMD ["serve"]
