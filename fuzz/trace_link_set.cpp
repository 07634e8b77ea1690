// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// Any bytes as a TraceLinkSet: refused, or decoded into a valid set that encodes to the same bytes again; and
// the dispatcher delivers exactly those.

#include "control/dispatcher.hpp"
#include "fuzz/check.hpp"
#include "wire/trace_blocks.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

namespace tensorpool::control {
namespace {

class Counter final : public ControlHandler {
public:
    [[nodiscard]] bool wants_trace_links() const noexcept override { return true; }
    void on_trace_link_set(const TraceLinkSet&, const messaging::Message&) override { ++sets; }
    int sets = 0;
};

void check_set(const TraceLinkSet& set, std::span<const std::byte> bytes) {
    const std::set<std::uint64_t> distinct(set.parents.begin(), set.parents.end());
    FUZZ_CHECK(set.trace_id != 0 && !set.parents.empty());
    FUZZ_CHECK(distinct.size() == set.parents.size() && distinct.count(0) == 0);
    std::vector<std::byte> again(bytes.size());
    const std::size_t length = encode(again, set);
    FUZZ_CHECK(length == wire::trace_link_set_length(set.parents.size()) && length <= bytes.size());
    // A sender of version 0 is read, but not imitated: the version is the last word of the header.
    const std::size_t version = offsetof(wire::MessageHeader, version);
    FUZZ_CHECK(std::equal(again.begin(), again.begin() + version, bytes.begin()));
    FUZZ_CHECK(std::memcmp(again.data() + sizeof(wire::MessageHeader),
                           bytes.data() + sizeof(wire::MessageHeader),
                           length - sizeof(wire::MessageHeader)) == 0);
}

}  // namespace
}  // namespace tensorpool::control

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tensorpool;
    const std::vector<std::uint8_t> exact(data, data + size);  // one byte further is a finding
    const auto bytes = std::as_bytes(std::span(exact));
    control::TraceLinkSet set;
    const bool decoded = control::decode(bytes, set) == control::DecodeResult::Ok;
    if (decoded) control::check_set(set, bytes);

    control::Counter counter;
    control::ControlDispatcher dispatcher(counter);
    const messaging::Image image{};
    dispatcher.dispatch({bytes, &image});
    FUZZ_CHECK((counter.sets == 1) == decoded);
    return 0;
}
