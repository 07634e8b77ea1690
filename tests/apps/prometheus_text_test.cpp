// SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
// SPDX-License-Identifier: Apache-2.0

// The reader that the scrape tests trust sees what is wrong.

#include "apps/prometheus_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tensorpool::test {
namespace {

using testing::HasSubstr;

const std::string kHead = "# HELP tensorpool_a_total some\n# TYPE tensorpool_a_total counter\n";

TEST(PrometheusTextTest, ReadsNamesLabelsAndValues) {
    const PrometheusText text(kHead + "tensorpool_a_total{id=\"7\",name=\"x\\\"y\"} 1.5e+03\n" +
                              "tensorpool_a_total{id=\"8\"} 2\n");
    EXPECT_THAT(text.problems(), testing::IsEmpty());
    EXPECT_EQ(text.value("tensorpool_a_total", {{"id", "7"}}), 1500);
    EXPECT_EQ(text.value("tensorpool_a_total", {{"name", "x\"y"}}), 1500);
    EXPECT_EQ(text.value("tensorpool_a_total", {{"id", "8"}}), 2);
    EXPECT_FALSE(text.value("tensorpool_a_total", {{"id", "9"}}));
}

TEST(PrometheusTextTest, SeesWhatIsWrong) {
    const auto only_problem = [](const std::string& text) {
        const PrometheusText read(text);
        return read.problems().empty() ? std::string() : read.problems().front();
    };
    EXPECT_THAT(only_problem(kHead), HasSubstr("no sample"));
    EXPECT_THAT(only_problem(kHead + "tensorpool_a_total 1"), HasSubstr("does not end"));
    EXPECT_THAT(only_problem(kHead + "tensorpool_a_total{a=\"1\"} 1\ntensorpool_a_total{a=\"1\"} 2\n"),
                HasSubstr("twice"));
    EXPECT_THAT(only_problem(kHead + "tensorpool_a_total{a=\"1\",a=\"2\"} 1\n"), HasSubstr("bad labels"));
    EXPECT_THAT(only_problem(kHead + "tensorpool_a_total{1a=\"1\"} 1\n"), HasSubstr("bad labels"));
    EXPECT_THAT(only_problem(kHead + "tensorpool_a_total{a=\"1} 1\n"), HasSubstr("bad labels"));
    EXPECT_THAT(only_problem(kHead + "tensorpool_a_total one\n"), HasSubstr("no number"));
    EXPECT_THAT(only_problem(kHead + "tensorpool_b_total 1\n"), HasSubstr("outside its family"));
    EXPECT_THAT(only_problem(kHead + "tensorpool_a_total 1\n" + kHead + "tensorpool_a_total 1\n"),
                HasSubstr("two places"));
    EXPECT_THAT(only_problem("# HELP tensorpool_a x\n# TYPE tensorpool_a counter\ntensorpool_a 1\n"),
                HasSubstr("_total"));
    EXPECT_THAT(only_problem("# HELP tensorpool_a_total x\n# TYPE tensorpool_a_total gauge\n"
                             "tensorpool_a_total 1\n"),
                HasSubstr("_total"));
    EXPECT_THAT(only_problem("# TYPE tensorpool_a gauge\ntensorpool_a 1\n"), HasSubstr("no TYPE after"));
    EXPECT_THAT(only_problem("# HELP Tensorpool_A x\n# TYPE Tensorpool_A gauge\nTensorpool_A 1\n"),
                HasSubstr("no name of ours"));
    EXPECT_THAT(only_problem("# HELP tensorpool_a x\n# TYPE tensorpool_a gauge\ntensorpool_a{job=\"a\"} 1\n"),
                HasSubstr("no good"));
}

}  // namespace
}  // namespace tensorpool::test
