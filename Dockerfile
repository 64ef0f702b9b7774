# sidegate alone, without the local pool: one static binary, no shell, nothing to write to.
#
#   docker build -t sidegate .
#   docker run --read-only -v ./sidegate.toml:/etc/sidegate/sidegate.toml:ro -p 4280:4280 sidegate

FROM rust:1.95-bookworm AS builder
WORKDIR /src
COPY . .
# The target is named so that the flag holds for the binary and not for build scripts.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS='-C target-feature=+crt-static' \
       cargo build --release --locked --no-default-features --target "$target" \
    && cp "target/$target/release/sidegate" /sidegate

FROM scratch
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=builder /sidegate /sidegate
USER 65532:65532
EXPOSE 4280
HEALTHCHECK CMD ["/sidegate", "healthcheck"]
ENTRYPOINT ["/sidegate"]
