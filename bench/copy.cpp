// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include "messaging/messaging.hpp"

#include <array>
#include <cstring>
#include <memory>

// Figure 2: offer() against a plain memcpy into the same kind of mapping.
namespace tensorpool::bench {
namespace {

constexpr std::uint32_t kNslots = 16;

struct Size {
    std::uint32_t bytes;
    const char* name;
};
constexpr std::array<Size, 4> kSizes{{{4096, "4k"}, {65536, "64k"}, {655360, "640k"}, {4194304, "4m"}}};

/// Median ns of a batch of copies, ours and plain, into one pair of mappings.
struct Pair {
    double ours;
    double plain;
};

Pair measure_pair(const Size& size, int batch, int rounds, bool plain_first) {
    ScratchDir dir;
    Context context(context_on(dir));
    std::uint32_t stride = 64;
    while (stride < size.bytes) stride *= 2;
    const auto map_plain = [&] {
        return std::make_unique<PlainMapping>(dir.sub("plain"),
                                              64 + static_cast<std::size_t>(kNslots) * stride);
    };
    std::unique_ptr<PlainMapping> plain = plain_first ? map_plain() : nullptr;
    Producer producer(context, producer_on(dir, 1, kNslots, stride));
    auto sink = context.messaging().add_subscription("aeron:ipc?term-length=4m", 1101);
    if (!plain) plain = map_plain();
    const std::vector<std::byte> source(size.bytes, std::byte{1});
    const FrameInfo info = frame_of(size.bytes);
    std::vector<double> ours;
    std::vector<double> floor;
    std::uint32_t slot = 0;
    for (int round = 0; round < rounds; ++round) {
        producer.do_work(monotonic_now_ns());
        Nanos start = monotonic_now_ns();
        for (int i = 0; i < batch; ++i) {
            std::memcpy(plain->base() + 64 + static_cast<std::size_t>(slot++ % kNslots) * stride,
                        source.data(), size.bytes);
            asm volatile("" ::: "memory");
        }
        const auto plain_ns = static_cast<double>(monotonic_now_ns() - start);
        start = monotonic_now_ns();
        for (int i = 0; i < batch; ++i) {
            if (!producer.offer(source, info)) throw std::runtime_error("an offer was refused");
        }
        const auto offer_ns = static_cast<double>(monotonic_now_ns() - start);
        if (round > 0) floor.push_back(plain_ns), ours.push_back(offer_ns);
    }
    return {median(ours), median(floor)};
}

/// How fast a mapping is depends on the physical pages it happened to get: several pairs, mapped in either
/// order, summed up.
void measure(const Options& options, const Size& size, Results& results) {
    const auto batch = static_cast<int>(std::max<std::size_t>(kNslots, (16u << 20) / size.bytes));
    const int pairs = options.quick ? 6 : 16;
    double ours_ns = 0;
    double plain_ns = 0;
    for (int pair = 0; pair < pairs; ++pair) {
        const Pair ns = measure_pair(size, batch, options.quick ? 12 : 30, pair % 2 == 0);
        ours_ns += ns.ours;
        plain_ns += ns.plain;
    }
    const double bytes = static_cast<double>(size.bytes) * batch * pairs;
    results.add(std::string("copy_") + size.name + "_gb_s", bytes / ours_ns, "GB/s");
    results.add(std::string("memcpy_") + size.name + "_gb_s", bytes / plain_ns, "GB/s");
    results.add_ratio(std::string("copy_over_memcpy_") + size.name, plain_ns / ours_ns,
                      size.bytes >= 65536 ? ">= 0.9" : "none");
}

}  // namespace

void copy_group(const Options& options, Results& results) {
    pin_to(0);
    for (const Size& size : kSizes) measure(options, size, results);
}

}  // namespace tensorpool::bench
