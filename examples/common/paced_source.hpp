// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tensorpool/producer.hpp>

#include "common/private_directory.hpp"

#include <cstring>
#include <functional>
#include <utility>

namespace examples {

/// A device that delivers one float vector per period, stamped with the time it was taken. Give it a thread.
class PacedSource final : public tensorpool::Agent {
public:
    using Measure = std::function<float(std::uint64_t seq)>;  ///< the value of the next frame

    PacedSource(tensorpool::Context& context, const PrivateDirectory& dir, std::uint32_t stream_id,
                std::int32_t values, tensorpool::Nanos period_ns, Measure measure)
        : producer_(context, {.stream_id = stream_id,
                              .standalone = tensorpool::StandaloneLayout{.base_dir = dir.path(),
                                                                         .pools = {{1, 4096}}}}),
          period_ns_(period_ns),
          measure_(std::move(measure)),
          info_{.tensor = tensorpool::image_layout(tensorpool::Dtype::Float32, 1, values),
                .values_len_bytes = static_cast<std::uint32_t>(values) * 4} {}

    void on_start() override { producer_.on_start(); }
    int do_work(tensorpool::Nanos now_ns) noexcept override {
        producer_.do_work(now_ns);
        if (next_ns_ == 0) next_ns_ = now_ns;
        if (now_ns < next_ns_) return 0;
        next_ns_ += period_ns_;
        auto claim = producer_.try_claim(info_.values_len_bytes);
        if (!claim) return 0;
        const float value = measure_(claim->seq());
        for (std::uint32_t at = 0; at < info_.values_len_bytes; at += sizeof value)
            std::memcpy(claim->payload().data() + at, &value, sizeof value);
        info_.timestamp_ns = static_cast<std::uint64_t>(now_ns);
        claim->commit(info_);
        return 1;
    }
    std::string_view role_name() const noexcept override { return "source"; }

private:
    tensorpool::Producer producer_;
    tensorpool::Nanos period_ns_;
    tensorpool::Nanos next_ns_ = 0;
    Measure measure_;
    tensorpool::FrameInfo info_;
};

/// The first value of a frame.
template <typename Frame>
float first_value(const Frame& frame) {
    float value = 0;
    std::memcpy(&value, frame.payload().data(), sizeof value);
    return value;
}

}  // namespace examples
