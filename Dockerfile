# The host and the contexts of the app stay are built in one image and run in another, which has nothing else in it.
# Both are named by digest: what was tried is what is built. `docker buildx imagetools inspect <tag>` shows a tag's digest today.
FROM rust:1.95-trixie@sha256:f49565f188ee00bc2a18dd418183f2c5f23ef7d6e691890517ed341a598f67c3 AS build
RUN rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
# `innkeeper build` prints the components' files, one a line. Backtraces need the symbols, but not the debug information.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    --mount=type=cache,target=/src/components/target \
    cargo build --release --locked --package innkeeper \
    && cargo fetch --locked --manifest-path components/Cargo.toml \
    && target/release/innkeeper build > /tmp/components \
    && install -D -t /out/usr/bin target/release/innkeeper \
    && strip --strip-debug /out/usr/bin/innkeeper \
    && xargs install -D -m 644 -t /out/usr/share/innkeeper < /tmp/components \
    && cargo metadata --locked --format-version 1 --filter-platform "$(rustc -vV | sed -n 's/^host: //p')" > /tmp/metadata \
    && cargo metadata --locked --format-version 1 --manifest-path components/Cargo.toml --filter-platform wasm32-unknown-unknown > /tmp/components-metadata
# What the host is made of, and each component (CycloneDX): docker run --rm --entrypoint cat IMAGE /usr/share/innkeeper/sbom.cdx.json, or room.cdx.json
RUN { command -v python3 || { apt-get update && apt-get install --yes --no-install-recommends python3; }; } \
    && python3 scripts/sbom.py /tmp/metadata Cargo.lock innkeeper > /out/usr/share/innkeeper/sbom.cdx.json \
    && for file in /out/usr/share/innkeeper/*.wasm; do \
        python3 scripts/sbom.py --file "$file" /tmp/components-metadata components/Cargo.lock "$(basename "$file" .wasm)" > "${file%.wasm}.cdx.json" || exit 1; \
    done

FROM debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f
COPY --from=build /out /
COPY k8s/innkeeper.toml /etc/innkeeper/
RUN mkdir -p /etc/contexts/reservation \
    && install -d -o 10001 -g 10001 -m 750 /var/lib/innkeeper
ENV INNKEEPER_APP=/etc/innkeeper/innkeeper.toml
USER 10001:10001
VOLUME /var/lib/innkeeper
# The public gateway, and the operators' port.
EXPOSE 8080 8081
ENTRYPOINT ["innkeeper"]
CMD ["serve"]
