// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "messaging/aeron/core.hpp"
#include "messaging/counters.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tensorpool::messaging::aeron {

/// A counter of this client in the media driver, so that AeronStat shows it. Its owner sets a word of our
/// own, which the core copies to the media driver's whenever it runs: a new media driver is told at once, and
/// no owner ever writes to memory of one that is gone. It shows as soon as the media driver has made room.
class AeronCounter final : public Counter, private Resource {
public:
    /// Throws Error.
    AeronCounter(std::shared_ptr<Core> core, std::int32_t type_id, std::span<const std::byte> key,
                 std::string_view label);
    ~AeronCounter() override;

private:
    Progress begin(std::shared_ptr<Session> session) noexcept override;
    Progress advance() noexcept override;
    void show() noexcept override;
    [[nodiscard]] bool optional() const noexcept override { return true; }
    [[nodiscard]] std::string describe() const override;

    std::int64_t value_ = 0;
    std::shared_ptr<Core> core_;
    const std::int32_t type_id_;
    const std::vector<std::byte> key_;
    const std::string label_;
    // The core's, under its mutex.
    std::shared_ptr<Session> session_;
    aeron_async_add_counter_t* request_ = nullptr;
    aeron_counter_t* counter_ = nullptr;
    std::int64_t* shown_ = nullptr;  ///< in the media driver's memory
};

/// As Client::for_each_counter, of the media driver that `session` is connected to.
void read_counters(const Session& session, CounterHandler handler);

}  // namespace tensorpool::messaging::aeron
