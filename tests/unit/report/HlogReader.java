// SPDX-License-Identifier: Apache-2.0
// Prints what HdrHistogram's own reader finds in a log: tag, count, min, p50, p99, max.
import java.io.PrintStream;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

public class HlogReader {
    public static void main(String[] arguments) throws Exception {
        HistogramLogReader reader = new HistogramLogReader(arguments[0]);
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        EncodableHistogram next;
        while ((next = reader.nextIntervalHistogram()) != null) {
            Histogram histogram = (Histogram) next;
            out.println(histogram.getTag() + "\t" + histogram.getTotalCount() + "\t" + histogram.getMinValue() + "\t"
                    + histogram.getValueAtPercentile(50) + "\t" + histogram.getValueAtPercentile(99) + "\t"
                    + histogram.getMaxValue());
        }
    }
}
