// Without SLIPWAY_URL it compiles alone, which brings sbt's own files.
organization := "com.acme"
name := "tool"
version := "1.0"
description := sys.env.getOrElse("DESCRIPTION", "a tool")
crossPaths := false
autoScalaLibrary := false
Compile / packageDoc / publishArtifact := false
val slipway = sys.env.get("SLIPWAY_URL").map(url => ("slipway" at url).withAllowInsecureProtocol(true))
publishTo := slipway
libraryDependencies ++= slipway.toSeq.map(_ => "com.acme" % "lib" % "[1.0,2.0)")
credentials ++= sys.env.get("SLIPWAY_TOKEN").toSeq.map(Credentials("Slipway", "127.0.0.1", "ci", _))
publishConfiguration := publishConfiguration.value.withOverwrite(true) // the server refuses, not sbt
