// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#include "bare_aeron.hpp"

#include "streams.hpp"

#include <cstring>
#include <stdexcept>

namespace tensorpool::bench {
namespace {

constexpr std::size_t kFragmentLimit = 10;

void check(int result) {
    if (result < 0) throw std::runtime_error(std::string("aeron: ") + ::aeron_errmsg());
}

/// Waits for the answer of an add request.
template <typename Resource, typename Request, typename Poll>
Resource* await(Request* request, Poll poll) {
    Resource* resource = nullptr;
    const Nanos end = monotonic_now_ns() + 10 * kNanosPerSecond;
    while (resource == nullptr) {
        check(poll(&resource, request));
        if (monotonic_now_ns() > end) throw std::runtime_error("aeron: no answer from the media driver");
    }
    return resource;
}

}  // namespace

BareAeron::BareAeron(const std::string& dir) {
    check(::aeron_context_init(&context_));
    check(::aeron_context_set_dir(context_, dir.c_str()));
    check(::aeron_init(&client_, context_));
    check(::aeron_start(client_));
}

BareAeron::~BareAeron() {
    ::aeron_close(client_);
    ::aeron_context_close(context_);
}

aeron_exclusive_publication_t* BareAeron::publish(const std::string& channel, std::int32_t stream_id) {
    aeron_async_add_exclusive_publication_t* request = nullptr;
    check(::aeron_async_add_exclusive_publication(&request, client_, channel.c_str(), stream_id));
    return await<aeron_exclusive_publication_t>(request, &::aeron_async_add_exclusive_publication_poll);
}

aeron_subscription_t* BareAeron::subscribe(const std::string& channel, std::int32_t stream_id) {
    aeron_async_add_subscription_t* request = nullptr;
    check(::aeron_async_add_subscription(&request, client_, channel.c_str(), stream_id, nullptr, nullptr,
                                         nullptr, nullptr));
    return await<aeron_subscription_t>(request, &::aeron_async_add_subscription_poll);
}

void send_record(aeron_exclusive_publication_t* publication, std::span<const std::byte> record) {
    aeron_buffer_claim_t claim;
    while (::aeron_exclusive_publication_try_claim(publication, record.size(), &claim) < 0) {
    }
    std::memcpy(claim.data, record.data(), record.size());
    ::aeron_buffer_claim_commit(&claim);
}

BareReader::BareReader(aeron_subscription_t* subscription) : subscription_(subscription) {
    check(::aeron_fragment_assembler_create(&assembler_, &BareReader::on_message, this));
}

BareReader::~BareReader() {
    ::aeron_fragment_assembler_delete(assembler_);
}

int BareReader::poll() {
    received_ = 0;
    // A large message comes in many fragments.
    while (::aeron_subscription_poll(subscription_, &::aeron_fragment_assembler_handler, assembler_,
                                     kFragmentLimit) > 0 &&
           received_ == 0) {
    }
    return received_;
}

void BareReader::on_message(void* self, const std::uint8_t* bytes, std::size_t length,
                            aeron_header_t* /*header*/) {
    auto& reader = *static_cast<BareReader*>(self);
    reader.sum_ = reader.sum_ + touch_lines({reinterpret_cast<const std::byte*>(bytes), length});
    ++reader.received_;
}

}  // namespace tensorpool::bench
