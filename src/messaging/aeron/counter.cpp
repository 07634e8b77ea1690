// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

#include "messaging/aeron/counter.hpp"

#include <tensorpool/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <exception>

namespace tensorpool::messaging::aeron {

AeronCounter::AeronCounter(std::shared_ptr<Core> core, std::int32_t type_id, std::span<const std::byte> key,
                           std::string_view label)
    : Counter(value_),
      core_(std::move(core)),
      type_id_(type_id),
      key_(key.begin(), key.end()),
      label_(label.substr(0, kMaxCounterLabel)) {
    if (key.size() > kMaxCounterKey) {
        throw Error(ErrorCode::InvalidArgument,
                    fmt::format("counters: a key of {} bytes; {} are the most", key.size(), kMaxCounterKey));
    }
    // A role has dozens of them, and the media driver takes its time for each.
    core_->add_later(*this);
}

AeronCounter::~AeronCounter() {
    core_->remove(*this, [this] {
        show();
        ::aeron_counter_close(counter_, nullptr, nullptr);
        if (request_ != nullptr && !session_->closed()) {
            // Nobody takes the answer any more.
            ::aeron_async_remove_counter(::aeron_async_add_counter_get_registration_id(request_),
                                         session_->client(), nullptr, nullptr);
        }
    });
}

Resource::Progress AeronCounter::begin(std::shared_ptr<Session> session) noexcept {
    shown_ = nullptr;
    counter_ = nullptr;  // went with its session
    session_ = std::move(session);
    static constexpr std::byte kNoKey{};
    const std::byte* key = key_.empty() ? &kNoKey : key_.data();
    const int result = ::aeron_async_add_counter(&request_, session_->client(), type_id_,
                                                 reinterpret_cast<const std::uint8_t*>(key), key_.size(),
                                                 label_.data(), label_.size());
    if (result == 0) return Progress::Waiting;
    request_ = nullptr;
    return Progress::Failed;
}

Resource::Progress AeronCounter::advance() noexcept {
    const int result = ::aeron_async_add_counter_poll(&counter_, request_);
    if (result == 0) return Progress::Waiting;
    request_ = nullptr;
    if (result < 0) {
        counter_ = nullptr;
        return Progress::Failed;
    }
    shown_ = ::aeron_counter_addr(counter_);
    show();
    return Progress::Done;
}

void AeronCounter::show() noexcept {
    if (shown_ != nullptr) base::store_release(*shown_, get());
}

std::string AeronCounter::describe() const {
    return fmt::format("counter \"{}\"", label_);
}

namespace {

struct Reading {
    CounterHandler handler;
    aeron_counters_reader_t* reader;
    std::int64_t client_id;
    std::exception_ptr failure;
};

/// Called by Aeron, which knows no exceptions, with pointers into memory that others write.
void on_counter(std::int64_t value, std::int32_t id, std::int32_t type_id, const std::uint8_t* key,
                std::size_t key_length, const char* label, std::size_t label_length, void* state) noexcept {
    auto& reading = *static_cast<Reading*>(state);
    if (reading.failure != nullptr) return;
    std::array<std::byte, kMaxCounterKey> own_key{};
    std::array<char, kMaxCounterLabel> own_label{};
    key_length = std::min(key_length, own_key.size());
    label_length = std::min(label_length, own_label.size());
    base::racy_copy_from_shared(own_key.data(), key, key_length);
    base::racy_copy_from_shared(own_label.data(), label, label_length);
    std::int64_t owner = 0;
    ::aeron_counters_reader_counter_owner_id(reading.reader, id, &owner);
    CounterInfo info;
    info.id = id;
    info.type_id = type_id;
    info.value = value;
    info.key = std::span(own_key).first(key_length);
    info.label = std::string_view(own_label.data(), label_length);
    info.own = owner == reading.client_id;
    try {
        reading.handler(info);
    } catch (...) {
        reading.failure = std::current_exception();
    }
}

}  // namespace

void read_counters(const Session& session, CounterHandler handler) {
    aeron_counters_reader_t* const reader = ::aeron_counters_reader(session.client());
    Reading reading{handler, reader, ::aeron_client_id(session.client()), nullptr};
    ::aeron_counters_reader_foreach_counter(reader, &on_counter, &reading);
    if (reading.failure != nullptr) std::rethrow_exception(reading.failure);
}

}  // namespace tensorpool::messaging::aeron
