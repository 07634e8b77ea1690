// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include "control/publisher.hpp"

#include <tensorpool/discovery.hpp>

#include <fmt/format.h>

#include <malloc.h>

#include <stdexcept>
#include <string>
#include <vector>

// What a registry of a thousand streams costs: one question, and its memory.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kStreams = 1000;

double heap_bytes() {
    return static_cast<double>(::mallinfo2().uordblks);
}

control::PoolAnnounce announce_of(std::uint32_t stream_id) {
    const std::string directory =
        fmt::format("shm:file?path=/dev/shm/tensorpool-user/default/{}/1", stream_id);
    control::PoolAnnounce announce;
    announce.stream_id = stream_id;
    announce.producer_id = 7;
    announce.epoch = 1;
    announce.header_nslots = 64;
    announce.header_region_uri = directory + "/header.ring";
    announce.pools = {{1, 64, 1U << 20, directory + "/1.pool"}, {2, 64, 4U << 20, directory + "/2.pool"}};
    return announce;
}

/// Announces and names everything once.
void fill(control::ControlPublisher& announces, control::ControlPublisher& names,
          DiscoveryProvider& provider) {
    for (std::uint32_t id = 1; id <= kStreams; ++id) {
        control::DataSourceAnnounce source;
        source.stream_id = id;
        source.name = fmt::format("camera-{}", id);
        if (!announces.send(announce_of(id)) || !names.send(source))
            throw std::runtime_error("an announce was refused");
        if (id % 100 == 0) provider.do_work(monotonic_now_ns());
    }
    provider.do_work(monotonic_now_ns());
}

double query_us(DiscoveryClient& client, DiscoveryProvider& provider, const DiscoveryFilter& filter,
                std::size_t expected, int rounds) {
    std::vector<double> times;
    for (int round = 0; round < rounds; ++round) {
        const Nanos start = monotonic_now_ns();
        client.query(filter);
        while (client.state() == DiscoveryState::Waiting) {
            client.do_work(monotonic_now_ns());
            provider.do_work(monotonic_now_ns());
        }
        times.push_back(static_cast<double>(monotonic_now_ns() - start) / 1e3);
        if (client.answer().streams.size() != expected) throw std::runtime_error("an answer is incomplete");
    }
    return median(times);
}

}  // namespace

void discovery_group(const Options& options, Results& results) {
    pin_to(0);
    ScratchDir dir;
    Context context(context_on(dir));
    DiscoveryProviderOptions providing;
    providing.request = {"aeron:ipc?term-length=4m", 7000};
    providing.authorities = {{"driver-01", {}, {"aeron:ipc?term-length=4m", 1001}, {}}};
    providing.authorities[0].control.stream_id = 1000;
    providing.authorities[0].metadata = Endpoint{"aeron:ipc?term-length=4m", 1300};
    providing.expiry_ns = 600 * kNanosPerSecond;  // announced once is enough here
    DiscoveryProvider provider(context, providing);
    control::ControlPublisher announces(
        context.messaging().add_publication("aeron:ipc?term-length=4m", 1001));
    control::ControlPublisher names(context.messaging().add_publication("aeron:ipc?term-length=4m", 1300));
    const double before = heap_bytes();
    fill(announces, names, provider);
    const double registry = heap_bytes() - before;

    DiscoveryClientOptions asking;
    asking.request = providing.request;
    asking.response.channel = "aeron:ipc?term-length=16m";
    DiscoveryClient client(context, asking);
    const int rounds = options.quick ? 50 : 300;
    DiscoveryFilter one;
    one.data_source_name = "camera-500";
    results.add("discovery_query_1000_us", query_us(client, provider, {}, kStreams, rounds), "us",
                "all of 1,000 streams, asked, answered and decoded");
    results.add("discovery_query_name_us", query_us(client, provider, one, 1, rounds), "us",
                "one of 1,000 streams by its name");
    results.add("discovery_registry_kib", registry / 1024, "KiB", "1,000 streams of two pools, with names");
}

}  // namespace tensorpool::bench
